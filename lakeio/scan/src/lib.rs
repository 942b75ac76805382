//! Scan documents, splits and the reader of data files.
