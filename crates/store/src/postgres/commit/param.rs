//! The parameters of a statement: one array a column, or, where all rows have the same, that one value.
//!
//! Most columns of a commit are the same in all of its rows: the time, the outcome, the first attempt. An array of them
//! costs its sending, its reading and its turning into rows (measured: a tenth of a commit).

use tokio_postgres::types::ToSql;
use uuid::Uuid;

type Value<'c> = Box<dyn ToSql + Sync + Send + 'c>;

/// One column of rows, or one value.
pub(super) struct Param<'c> {
    /// All of it.
    whole: Value<'c>,
    /// What each of the rows has, if that is the same.
    alike: Option<Value<'c>>,
}

/// What can be a parameter.
pub(super) trait IntoParam<'c> {
    fn into_param(self) -> Param<'c>;
}

impl IntoParam<'_> for i64 {
    fn into_param(self) -> Param<'static> {
        Param { whole: Box::new(self), alike: None }
    }
}

impl IntoParam<'_> for Uuid {
    fn into_param(self) -> Param<'static> {
        Param { whole: Box::new(self), alike: None }
    }
}

impl Param<'_> {
    /// Whether it can be sent as one value.
    pub(super) fn is_alike(&self) -> bool {
        self.alike.is_some()
    }

    /// The value to send.
    pub(super) fn value(&self, is_alike: bool) -> &(dyn ToSql + Sync) {
        match &self.alike {
            Some(one) if is_alike => &**one,
            _ => &*self.whole,
        }
    }
}

impl<'c, T: Cell + 'c> IntoParam<'c> for Vec<T> {
    fn into_param(self) -> Param<'c> {
        let alike = match self.split_first() {
            Some((first, rest)) if first.is_small() && rest.iter().all(|cell| cell == first) => {
                Some(Box::new(first.clone()) as Value<'c>)
            }
            _ => None,
        };
        Param { whole: Box::new(self), alike }
    }
}

/// A value of a row.
pub(super) trait Cell: ToSql + Sync + Send + Clone + PartialEq {
    /// Whether comparing it and copying it is nothing.
    fn is_small(&self) -> bool {
        true
    }
}

impl Cell for bool {}
impl Cell for i16 {}
impl Cell for i32 {}
impl Cell for i64 {}
impl Cell for Uuid {}

impl Cell for &str {
    fn is_small(&self) -> bool {
        self.len() <= 32
    }
}

impl Cell for String {
    fn is_small(&self) -> bool {
        self.as_str().is_small()
    }
}

impl<T: Cell> Cell for Option<T> {
    fn is_small(&self) -> bool {
        self.as_ref().is_none_or(Cell::is_small)
    }
}

/// The parameters, by bits from the first on, that `sql` turns into rows by an `unnest` of their own.
pub(in crate::postgres) fn columns(sql: &str) -> u32 {
    (1..=32).filter(|n| place(sql, *n).is_some()).fold(0, |columns, n| columns | 1 << (n - 1))
}

/// The statement with single values in the place of those columns.
pub(in crate::postgres) fn with_alike(sql: &str, columns: u32) -> String {
    let mut text = sql.to_owned();
    for n in (1..=32).filter(|n| columns & 1 << (n - 1) != 0) {
        if let Some((from, to)) = place(&text, n) {
            let value = text[from..to].trim_start_matches("unnest(").trim_end_matches("[])").to_owned();
            text.replace_range(from..to, &value);
        }
    }
    text
}

/// Where `unnest($n::type[])` stands.
fn place(sql: &str, n: u32) -> Option<(usize, usize)> {
    let from = sql.find(&format!("unnest(${n}::"))?;
    let closed = from + sql[from..].find(')')?;
    sql[..closed].ends_with("[]").then_some((from, closed + 1)).filter(|_| !sql[from..closed].contains(','))
}

#[cfg(test)]
mod tests {
    use super::{IntoParam, columns, with_alike};

    const SQL: &str = "INSERT INTO t SELECT unnest($1::uuid[]), unnest($2::text[]), unnest($3::bigint[])";

    #[test]
    fn a_column_turns_into_a_value() {
        assert_eq!(columns(SQL), 0b111);
        let with_second = "INSERT INTO t SELECT unnest($1::uuid[]), $2::text, unnest($3::bigint[])";
        assert_eq!(with_alike(SQL, 0b010), with_second);
        assert_eq!(columns(with_second), 0b101);
    }

    #[test]
    fn other_arrays_stay() {
        assert_eq!(columns("DELETE FROM t WHERE id = ANY ($1::uuid[])"), 0);
        assert_eq!(columns("SELECT * FROM unnest($1::bigint[], $2::text[]) n (a, b)"), 0);
    }

    #[test]
    fn what_all_rows_have_is_found() {
        assert!(vec![7_i64, 7, 7].into_param().alike.is_some());
        assert!(vec![Some(7_i64), None].into_param().alike.is_none());
        assert!(vec![None::<&str>, None].into_param().alike.is_some());
        assert!(Vec::<i16>::new().into_param().alike.is_none());
        let long = "x".repeat(33);
        assert!(vec![long.as_str(); 2].into_param().alike.is_none());
    }
}
