//! The schema of a data file as a tree to look columns up in: groups, their children, the levels
//! and the number of the first leaf of each, and what the element of a list is.

use parquet::basic::{ConvertedType, LogicalType, Repetition};
use parquet::schema::types::{SchemaDescriptor, Type, TypePtr};

use lakeio_store::{Class, Error, Result};

use crate::raw::Levels;

/// A group of the file and where its leaves begin.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    pub node: &'a Type,
    /// Number of its first leaf.
    first: usize,
    /// Levels of the group itself.
    pub levels: Levels,
}

/// A child of a group.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    pub node: &'a TypePtr,
    pub first: usize,
    /// Levels of the group around it.
    pub parent: Levels,
}

/// What the element of a list is.
pub(crate) enum Item<'a> {
    /// The repeated node is the element.
    Repeated(Node<'a>),
    /// The only child of the repeated group is the element.
    Inside(Node<'a>),
}

impl<'a> Group<'a> {
    /// The group of all top-level columns.
    pub(crate) fn root(schema: &'a SchemaDescriptor) -> Group<'a> {
        Group {
            node: schema.root_schema(),
            first: 0,
            levels: Levels::default(),
        }
    }

    pub(crate) fn children(self) -> impl Iterator<Item = Node<'a>> {
        let mut next = self.first;
        self.node.get_fields().iter().map(move |node| {
            let first = next;
            next += leaf_count(node);
            Node {
                node,
                first,
                parent: self.levels,
            }
        })
    }
}

impl<'a> Node<'a> {
    fn repetition(self) -> Repetition {
        self.node.get_basic_info().repetition()
    }

    pub(crate) fn levels(self) -> Levels {
        self.parent.child(self.repetition())
    }

    pub(crate) fn nullable(self) -> bool {
        self.repetition() == Repetition::OPTIONAL
    }

    pub(crate) fn group(self) -> Option<Group<'a>> {
        self.node.is_group().then(|| Group {
            node: self.node,
            first: self.first,
            levels: self.levels(),
        })
    }

    pub(crate) fn is_repeated(self) -> bool {
        self.repetition() == Repetition::REPEATED
    }

    pub(crate) fn is_list(self) -> bool {
        let info = self.node.get_basic_info();
        info.converted_type() == ConvertedType::LIST
            || matches!(info.logical_type_ref(), Some(LogicalType::List))
    }

    /// The element of this list by the format's rules for old writers, and whether the list may
    /// be NULL. `column`: the table's name of it.
    pub(crate) fn element(self, column: &str) -> Result<(Item<'a>, bool)> {
        if self.is_repeated() {
            // Repeated without any annotation: a required list of required elements.
            return Ok((Item::Repeated(self), false));
        }
        let wrong = || mismatch(column, "array");
        let group = self.group().filter(|_| self.is_list()).ok_or_else(wrong)?;
        let mut children = group.children();
        let repeated = children
            .next()
            .filter(|child| child.is_repeated())
            .ok_or_else(wrong)?;
        if children.next().is_some() {
            return Err(wrong());
        }
        let Some(inner) = repeated.group() else {
            return Ok((Item::Repeated(repeated), self.nullable()));
        };
        let count = inner.node.get_fields().len();
        let name = repeated.node.name();
        let old_name = name == "array" || name == format!("{}_tuple", self.node.name());
        let only = inner.children().next().ok_or_else(wrong)?;
        let is_element = count != 1 || (old_name && !repeated.is_list() && !only.is_repeated());
        Ok((
            if is_element {
                Item::Repeated(repeated)
            } else {
                Item::Inside(only)
            },
            self.nullable(),
        ))
    }
}

fn leaf_count(node: &Type) -> usize {
    match node {
        Type::PrimitiveType { .. } => 1,
        Type::GroupType { fields, .. } => fields.iter().map(|field| leaf_count(field)).sum(),
    }
}

/// Whether any column has a field id.
pub(crate) fn any_id(node: &Type) -> bool {
    match node {
        Type::PrimitiveType { basic_info, .. } => basic_info.has_id(),
        Type::GroupType { basic_info, fields } => {
            basic_info.has_id() || fields.iter().any(|field| any_id(field))
        }
    }
}

/// The error of a column that is stored as what no `wanted` can be read from.
pub(crate) fn mismatch(column: &str, wanted: &str) -> Error {
    Error::new(
        Class::DataFileCorrupt,
        format!(
            "a data file stores a column as a type that the table's cannot be read from: \
             column {column}, wanted {wanted}"
        ),
    )
    .with("column", column)
}
