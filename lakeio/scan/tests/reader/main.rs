//! The reader against files and tables as they are: what Spark and other writers wrote, every way of
//! storing a type, random predicates, damage, and a remote store.

mod damage;
mod files;
mod oracle;
mod predicates;
mod remote;
mod tables;
mod types;
