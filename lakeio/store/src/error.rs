//! The one error of lakeio: what the caller should do, what happened, and to which object.

use std::fmt;

use serde_json::{json, Map, Value};

/// What the caller should do about an error. The numbers are those of the C ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Code {
    /// The request is wrong; change it.
    Invalid = 1,
    /// What the request names is not there.
    NotFound = 2,
    /// What the request would make is there already.
    AlreadyExists = 3,
    /// Another writer was faster; look again and decide anew.
    Conflict = 4,
    /// The other side does not answer; the same call may succeed later.
    Unavailable = 5,
    /// The other side asks for fewer requests.
    Throttled = 6,
    /// Credentials are missing, wrong or not sufficient.
    Unauthorized = 7,
    /// Valid, but not something that this version does.
    Unsupported = 8,
    /// A row cannot be represented.
    BadRow = 9,
    /// Stored data is missing or damaged.
    DataLoss = 10,
    /// The caller raised the cancel flag.
    Cancelled = 11,
    /// The call's time is over.
    DeadlineExceeded = 12,
    /// A defect of lakeio.
    Internal = 13,
}

impl Code {
    /// The name of the code as it stands in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Code::Invalid => "Invalid",
            Code::NotFound => "NotFound",
            Code::AlreadyExists => "AlreadyExists",
            Code::Conflict => "Conflict",
            Code::Unavailable => "Unavailable",
            Code::Throttled => "Throttled",
            Code::Unauthorized => "Unauthorized",
            Code::Unsupported => "Unsupported",
            Code::BadRow => "BadRow",
            Code::DataLoss => "DataLoss",
            Code::Cancelled => "Cancelled",
            Code::DeadlineExceeded => "DeadlineExceeded",
            Code::Internal => "Internal",
        }
    }
}

macro_rules! classes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal => $code:ident;)*) => {
        /// What happened, in the words of the reference page of errors. Several may share a name
        /// there: they are told apart only here.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Class {
            $($(#[$doc])* $variant,)*
        }

        impl Class {
            /// Every class, in the order of the table.
            pub const ALL: &'static [Class] = &[$(Class::$variant,)*];

            /// The name of the class as it stands in JSON and in the reference page.
            pub fn name(self) -> &'static str {
                match self { $(Class::$variant => $name,)* }
            }

            /// The code that errors of this class carry.
            pub fn code(self) -> Code {
                match self { $(Class::$variant => Code::$code,)* }
            }
        }
    };
}

classes! {
    /// A request document is not valid: not JSON, an unknown member, a wrong type or value.
    InvalidRequest = "INVALID_ARGUMENT" => Invalid;
    /// A location is not a path or URL of a known store.
    InvalidLocation = "INVALID_ARGUMENT" => Invalid;
    /// A storage option is unknown or its value is not valid.
    InvalidStorageOption = "INVALID_ARGUMENT" => Invalid;
    /// A predicate does not fit the schema.
    InvalidPredicate = "INVALID_PREDICATE" => Invalid;
    /// A scan document or split cannot be parsed.
    InvalidScan = "INVALID_ARGUMENT" => Invalid;
    /// A column that a request names is not in the schema.
    ColumnNotFound = "COLUMN_NOT_FOUND" => NotFound;
    /// An object is shorter than a reader was told; a caller that knows what it was names it better.
    ObjectTruncated = "DATA_FILE_CORRUPT" => DataLoss;
    /// An object was written to while it was read; a caller that knows what it was names it better.
    ObjectChanged = "DATA_FILE_CORRUPT" => DataLoss;
    /// What has the name of a file is none that can be read: a directory, a pipe, a link to itself,
    /// or a name that no file can have; a caller that knows what it was names it better.
    NotAFile = "INVALID_ARGUMENT" => Invalid;
    /// Nothing is at the location.
    SourceNotFound = "SOURCE_NOT_FOUND" => NotFound;
    /// An object is not there; a caller that knows what it was names it better.
    ObjectNotFound = "SOURCE_NOT_FOUND" => NotFound;
    /// There are files but no Delta log.
    DeltaLogMissing = "DELTA_LOG_MISSING" => NotFound;
    /// A file of the Delta log is damaged or contradicts another.
    DeltaLogCorrupt = "DELTA_LOG_CORRUPT" => DataLoss;
    /// Files of the Delta log that the version needs are gone.
    DeltaTruncatedTransactionLog = "DELTA_TRUNCATED_TRANSACTION_LOG" => DataLoss;
    /// The version is after the latest one or before the first one that can be read.
    VersionNotFound = "VERSION_NOT_FOUND" => NotFound;
    /// The table needs reader features that are not known here.
    UnsupportedReaderFeature = "UNSUPPORTED_READER_FEATURE" => Unsupported;
    /// The table needs writer features that are not known here.
    UnsupportedWriterFeature = "UNSUPPORTED_WRITER_FEATURE" => Unsupported;
    /// A column has a type that cannot be read.
    UnsupportedType = "UNSUPPORTED_COLUMN_TYPE" => Unsupported;
    /// A data file carries dates or times of the legacy calendar that cannot be rebased.
    UnsupportedCalendar = "UNSUPPORTED_LEGACY_CALENDAR" => Unsupported;
    /// A data file uses an encoding or compression that cannot be read.
    UnsupportedDataFile = "DATA_FILE_CORRUPT" => Unsupported;
    /// The request is valid, but not something that this version does.
    Unsupported = "NOT_YET_SUPPORTED" => Unsupported;
    /// A data file or deletion vector that the log names is not there.
    DataFileMissing = "DATA_FILE_MISSING" => DataLoss;
    /// A data file or deletion vector is damaged or is not what the log says.
    DataFileCorrupt = "DATA_FILE_CORRUPT" => DataLoss;
    /// A string in a data file is not valid UTF-8.
    CharacterNotInRepertoire = "CHARACTER_NOT_IN_REPERTOIRE" => BadRow;
    /// Data given for writing does not fit the table.
    InvalidData = "INVALID_ARGUMENT" => Invalid;
    /// The table or object to create is there already.
    AlreadyExists = "ALREADY_EXISTS" => AlreadyExists;
    /// Another writer committed something that this commit does not go with.
    CommitConflict = "COMMIT_CONFLICT" => Conflict;
    /// Whether the commit happened is not known; read the log before anything else.
    CommitUnknown = "COMMIT_UNKNOWN" => Unavailable;
    /// The store refuses the credential or what it may do, or there is none.
    StoreAuthentication = "STORE_AUTHENTICATION" => Unauthorized;
    /// The store does not answer or fails.
    StoreUnreachable = "STORE_UNREACHABLE" => Unavailable;
    /// The store asks for fewer requests.
    StoreThrottled = "STORE_THROTTLED" => Throttled;
    /// The store answers with something that cannot be understood or refuses the request.
    StoreRefused = "STORE_UNREACHABLE" => Invalid;
    /// No space is left where the object is written.
    StoreFull = "STORE_NO_SPACE" => Unavailable;
    /// The cancel flag was raised.
    Cancelled = "CANCELLED" => Cancelled;
    /// The call's time is over.
    DeadlineExceeded = "DEADLINE_EXCEEDED" => DeadlineExceeded;
    /// A memory budget is too small for what must be held at once.
    MemoryBudget = "MEMORY_BUDGET" => Invalid;
    /// A defect of lakeio.
    Internal = "INTERNAL" => Internal;
}

/// An error that can cross the C ABI: code, class, message, object and details.
///
/// One pointer wide, so that `Result<T>` stays small. Never carries a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Body>);

#[derive(Clone, PartialEq, Eq)]
struct Body {
    code: Code,
    class: Class,
    retryable: bool,
    message: String,
    object: String,
    details: Vec<(String, String)>,
}

/// The result of everything in lakeio that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `class`; `message` is fixed text first, variables last, then the mend.
    pub fn new(class: Class, message: impl Into<String>) -> Self {
        let code = class.code();
        let retryable = matches!(code, Code::Unavailable | Code::Throttled | Code::Conflict)
            && class != Class::CommitUnknown;
        Error(Box::new(Body {
            code,
            class,
            retryable,
            message: message.into(),
            object: String::new(),
            details: Vec::new(),
        }))
    }

    /// A defect of lakeio.
    pub fn internal(message: impl Into<String>) -> Self {
        Error::new(Class::Internal, message)
    }

    /// Names the object concerned, unless a deeper layer has named one.
    pub fn at(mut self, object: impl AsRef<str>) -> Self {
        if self.0.object.is_empty() {
            self.0.object = object.as_ref().to_string();
        }
        self
    }

    /// Adds a detail; the first value of a key stays.
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        if !self.0.details.iter().any(|(k, _)| k == key) {
            self.0.details.push((key.to_string(), value.to_string()));
        }
        self
    }

    /// Says what was being done, in the present tense: `read footer: …`.
    pub fn context(mut self, action: impl AsRef<str>) -> Self {
        self.0.message = format!("{}: {}", action.as_ref(), self.0.message);
        self
    }

    /// The same event seen by a caller that knows what the object was for.
    pub fn reclass(mut self, class: Class) -> Self {
        self.0.class = class;
        self.0.code = class.code();
        self
    }

    /// `reclass(to)` when the class is `from`; else the error as it is.
    pub fn reclass_if(self, from: Class, to: Class) -> Self {
        if self.0.class == from {
            self.reclass(to)
        } else {
            self
        }
    }

    /// Overrides whether the same call may succeed later.
    pub fn retryable_as(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// What the caller should do.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened.
    pub fn class(&self) -> Class {
        self.0.class
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        self.0.retryable
    }

    /// Fixed text first, variables last, then the mend.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The URL of the object concerned, or "".
    pub fn object(&self) -> &str {
        &self.0.object
    }

    /// Details in the order in which they were added.
    pub fn details(&self) -> &[(String, String)] {
        &self.0.details
    }

    /// The details as a JSON object of strings.
    pub fn details_json(&self) -> Value {
        let mut map = Map::new();
        for (key, value) in &self.0.details {
            map.insert(key.clone(), Value::String(value.clone()));
        }
        Value::Object(map)
    }

    /// `{"code","retryable","class","message","object","details"}`.
    pub fn to_json(&self) -> Value {
        json!({
            "code": self.0.code.name(),
            "retryable": self.0.retryable,
            "class": self.0.class.name(),
            "message": self.0.message,
            "object": self.0.object,
            "details": self.details_json(),
        })
    }

    /// Our own error inside a foreign chain of causes, if there is one.
    pub fn find_in(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
        let mut next = Some(error);
        while let Some(current) = next {
            if let Some(own) = current.downcast_ref::<Error>() {
                return Some(own.clone());
            }
            next = match (
                current.downcast_ref::<arrow::error::ArrowError>(),
                current.downcast_ref::<parquet::errors::ParquetError>(),
            ) {
                (Some(arrow::error::ArrowError::ExternalError(inner)), _) => Some(&**inner),
                (_, Some(parquet::errors::ParquetError::External(inner))) => Some(&**inner),
                (Some(arrow::error::ArrowError::IoError(_, io)), _) => Some(io),
                _ => match current.downcast_ref::<std::io::Error>() {
                    Some(io) => match io.get_ref() {
                        Some(inner) => Some(inner as &(dyn std::error::Error + 'static)),
                        None => current.source(),
                    },
                    None => current.source(),
                },
            };
        }
        None
    }

    /// A foreign error met while reading `object`: our own error inside it as it is, anything else
    /// as `class`.
    pub fn foreign(class: Class, object: &str, error: &(dyn std::error::Error + 'static)) -> Error {
        match Error::find_in(error) {
            Some(own) => own.at(object),
            None => Error::new(class, error.to_string()).at(object),
        }
    }

    /// Wraps this error for an interface that wants Arrow's.
    pub fn into_arrow(self) -> arrow::error::ArrowError {
        arrow::error::ArrowError::ExternalError(Box::new(self))
    }

    /// Wraps this error for an interface that wants Parquet's.
    pub fn into_parquet(self) -> parquet::errors::ParquetError {
        parquet::errors::ParquetError::External(Box::new(self))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.class.name(), self.0.message)?;
        if !self.0.object.is_empty() {
            write!(f, " ({})", self.0.object)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_error_survives_foreign_layers() {
        let own = Error::new(Class::DataFileMissing, "gone").at("s3://b/x");
        let parquet = own.clone().into_parquet();
        let arrow = arrow::error::ArrowError::from_external_error(Box::new(parquet));
        let io = std::io::Error::other(arrow);
        assert_eq!(Error::find_in(&io), Some(own));
    }

    #[test]
    fn first_object_and_detail_stay() {
        let error = Error::new(Class::StoreThrottled, "m")
            .at("a")
            .at("b")
            .with("k", 1)
            .with("k", 2);
        assert_eq!(error.object(), "a");
        assert_eq!(
            error.to_json().to_string(),
            r#"{"code":"Throttled","retryable":true,"class":"STORE_THROTTLED","message":"m","object":"a","details":{"k":"1"}}"#
        );
    }
}
