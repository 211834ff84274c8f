//! diesel's query builder: everything that reads.

use diesel::dsl::{avg, case_when, count, count_star, date, exists, max, min, not, now, sql, sum};
use diesel::prelude::*;
use diesel::query_dsl::positional_order_dsl::PositionalOrderDsl as _;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};

use crate::schema::comments::dsl as c;
use crate::schema::pairs::dsl as r;
use crate::schema::posts::dsl as p;
use crate::schema::users::dsl as u;
use crate::schema::{Comment, Post, SEED, SETUP, User, comments, counters, pairs, posts, users};
use crate::suite::{Case, Theme, cases, rows};

diesel::alias!(users as others: Others);

#[diesel::declare_sql_function]
extern "SQL" {
    fn upper(text: Text) -> Text;
    fn char_length(text: Nullable<Text>) -> Nullable<Integer>;
    fn coalesce(first: Nullable<Integer>, second: Integer) -> Integer;
    #[aggregate]
    fn group_concat(text: Text) -> Nullable<Text>;
}

/// A struct that is loaded from two tables.
#[derive(Queryable, Selectable, Debug)]
#[diesel(table_name = posts)]
struct Titled {
    title: String,
    #[diesel(embed)]
    author: Author,
    #[diesel(select_expression = posts::score * 2.0, select_expression_type = diesel::dsl::Mul<posts::score, f64>)]
    twice: f64,
}

#[derive(Queryable, Selectable, Debug)]
#[diesel(table_name = users)]
struct Author {
    name: String,
    #[diesel(column_name = hair)]
    colour: Option<String>,
}

pub(crate) fn theme() -> Theme {
    let mut cases = plain();
    cases.extend(filters());
    cases.extend(joins());
    cases.extend(groups());
    cases.extend(others_of_the_dsl());
    Theme { name: "select", setup: format!("{SETUP} {SEED}"), seed: "", tables: &[], cases }
}

fn plain() -> Vec<Case> {
    cases! {
        "all" => |conn| u::users.order(u::id).load::<User>(conn);
        "all, raw" => |conn| rows(conn, u::users.order(u::id));
        "all posts, raw" => |conn| rows(conn, p::posts.order(p::id));
        "all pairs, raw" => |conn| rows(conn, r::pairs.order((r::left, r::right)));
        "all counters, raw" => |conn| rows(conn, counters::table.order(counters::name));
        "posts with all their types" => |conn| p::posts.order(p::id).load::<Post>(conn);
        "Selectable" => |conn| u::users.select(User::as_select()).order(u::id).load(conn);
        "SelectBy" => |conn| u::users.order(u::id).select(User::as_select()).first(conn);
        "one column" => |conn| u::users.select(u::name).order(u::id).load::<String>(conn);
        "a nullable column" => |conn| u::users.select(u::hair).order(u::id).load::<Option<String>>(conn);
        "NULL into a type without it" => |conn| u::users.select(u::hair.assume_not_null()).order(u::id).load::<String>(conn);
        "columns of a tuple" => |conn| u::users.select((u::id, (u::name, u::age))).order(u::id)
            .load::<(i32, (String, Option<i32>))>(conn);
        "a tuple that is NULL as a whole" => |conn| u::users.select((u::id, (u::age, u::born).nullable()))
            .order(u::id).load::<(i32, Option<(Option<i32>, Option<chrono::NaiveDate>)>)>(conn);
        "distinct" => |conn| p::posts.select(p::user_id).distinct().order(p::user_id).load::<i32>(conn);
        "order descending" => |conn| u::users.select(u::id).order(u::name.desc()).load::<i32>(conn);
        "order with NULL first" => |conn| u::users.select(u::id).order((u::age.asc(), u::id.desc())).load::<i32>(conn);
        "order with NULL last" => |conn| u::users.select(u::id).order((u::age.is_null(), u::age.desc())).load::<i32>(conn);
        "then order by" => |conn| u::users.select(u::id).order(u::hair).then_order_by(u::id.desc()).load::<i32>(conn);
        "limit" => |conn| u::users.select(u::id).order(u::id).limit(2).load::<i32>(conn);
        "limit 0" => |conn| u::users.select(u::id).order(u::id).limit(0).load::<i32>(conn);
        "limit and offset" => |conn| u::users.select(u::id).order(u::id).limit(2).offset(3).load::<i32>(conn);
        "offset beyond the end" => |conn| u::users.select(u::id).order(u::id).limit(2).offset(300).load::<i32>(conn);
        "a negative limit" => |conn| u::users.select(u::id).limit(-1).load::<i32>(conn);
        "find" => |conn| u::users.find(3).first::<User>(conn);
        "find nothing" => |conn| u::users.find(33).first::<User>(conn);
        "find nothing, optional" => |conn| u::users.find(33).first::<User>(conn).optional();
        "find by a composite key" => |conn| r::pairs.find((1, 2)).select(r::weight).first::<Option<bigdecimal::BigDecimal>>(conn);
        "first" => |conn| u::users.order(u::id.desc()).first::<User>(conn);
        "get_result of many" => |conn| u::users.order(u::id).select(u::id).get_result::<i32>(conn);
        "get_results" => |conn| u::users.order(u::id).select(u::id).get_results::<i32>(conn);
        "load_iter" => |conn| u::users.order(u::id).select(u::name)
            .load_iter::<String, diesel::connection::DefaultLoadingMode>(conn)?.collect::<QueryResult<Vec<_>>>();
        "load_iter, its size" => |conn| Ok(u::users.order(u::id).select(u::name)
            .load_iter::<String, diesel::connection::DefaultLoadingMode>(conn)?.size_hint());
        "load_iter dropped after one row" => |conn| {
            let first = u::users.order(u::id).select(u::name)
                .load_iter::<String, diesel::connection::DefaultLoadingMode>(conn)?.next();
            let first = first.transpose()?;
            Ok((first, u::users.count().get_result::<i64>(conn)?))
        };
        "execute counts no rows of a select" => |conn| u::users.execute(conn);
        "select without a table" => |conn| diesel::select((1.into_sql::<Integer>(), "a".into_sql::<Text>())).first::<(i32, String)>(conn);
        "the time of the server is there" => |conn| diesel::select(now.is_not_null()).first::<bool>(conn);
        "many columns of one name" => |conn| rows(conn, u::users.inner_join(p::posts).order(p::id).select((u::id, p::id, u::id)));
        "32 columns" => |conn| rows(conn, u::users.order(u::id).limit(1).select((
            users::all_columns, users::all_columns, users::all_columns, users::all_columns, users::all_columns, users::all_columns,
        )));
    }
}

fn filters() -> Vec<Case> {
    cases! {
        "eq" => |conn| u::users.filter(u::name.eq("Tess")).load::<User>(conn);
        "eq, of another case and with spaces" => |conn| u::users.filter(u::name.eq("tEss ")).load::<User>(conn);
        "eq the empty text" => |conn| u::users.filter(u::name.eq("")).load::<User>(conn);
        "eq of four bytes" => |conn| u::users.filter(u::name.eq("Żółw 🐢")).load::<User>(conn);
        "eq NULL" => |conn| u::users.filter(u::hair.eq(None::<String>)).load::<User>(conn);
        "ne" => |conn| u::users.filter(u::name.ne("Tess")).select(u::id).order(u::id).load::<i32>(conn);
        "gt, ge, lt, le" => |conn| Ok((
            u::users.filter(u::age.gt(25)).count().get_result::<i64>(conn)?,
            u::users.filter(u::age.ge(25)).count().get_result::<i64>(conn)?,
            u::users.filter(u::age.lt(25)).count().get_result::<i64>(conn)?,
            u::users.filter(u::age.le(25)).count().get_result::<i64>(conn)?,
        ));
        "between" => |conn| u::users.filter(u::age.between(1, 30)).select(u::id).order(u::id).load::<i32>(conn);
        "not between" => |conn| u::users.filter(u::age.not_between(1, 30)).select(u::id).order(u::id).load::<i32>(conn);
        "like" => |conn| u::users.filter(u::name.like("%e%")).select(u::id).order(u::id).load::<i32>(conn);
        "not like" => |conn| u::users.filter(u::name.not_like("%e%")).select(u::id).order(u::id).load::<i32>(conn);
        "like with an escape" => |conn| u::users.filter(u::name.like("%!%!_").escape('!')).select(u::id).load::<i32>(conn);
        "is null" => |conn| u::users.filter(u::hair.is_null()).select(u::id).load::<i32>(conn);
        "is not null" => |conn| u::users.filter(u::hair.is_not_null()).select(u::id).order(u::id).load::<i32>(conn);
        "eq_any" => |conn| u::users.filter(u::id.eq_any([1, 3, 77])).select(u::name).order(u::id).load::<String>(conn);
        "eq_any of nothing" => |conn| u::users.filter(u::id.eq_any(Vec::<i32>::new())).load::<User>(conn);
        "eq_any of 2,000" => |conn| u::users.filter(u::id.eq_any((2..2002).collect::<Vec<i32>>())).count().get_result::<i64>(conn);
        "eq_any of lengths one after the other" => |conn| (0..6).map(|n| {
            u::users.filter(u::id.eq_any((0..n).collect::<Vec<i32>>())).count().get_result::<i64>(conn)
        }).collect::<QueryResult<Vec<_>>>();
        "ne_all" => |conn| u::users.filter(u::id.ne_all([1, 3])).select(u::id).order(u::id).load::<i32>(conn);
        "and, or, not" => |conn| u::users
            .filter(u::id.eq(1).or(u::id.eq(2)).and(not(u::name.eq("Sean")))).select(u::id).load::<i32>(conn);
        "or_filter" => |conn| u::users.filter(u::id.eq(1)).or_filter(u::id.eq(4)).select(u::id).order(u::id).load::<i32>(conn);
        "a bool column" => |conn| p::posts.filter(p::published).select(p::id).order(p::id).load::<i32>(conn);
        "a bool value" => |conn| p::posts.filter(p::published.eq(false)).select(p::id).load::<i32>(conn);
        "the largest u64" => |conn| p::posts.filter(p::likes.eq(u64::MAX)).select(p::id).load::<i32>(conn);
        "a float to the bit" => |conn| p::posts.filter(p::score.eq(0.1)).select((p::id, p::score)).load::<(i32, f64)>(conn);
        "a time with microseconds" => |conn| p::posts.filter(p::at.eq(moment())).select((p::id, p::at))
            .load::<(i32, chrono::NaiveDateTime)>(conn);
        "a date" => |conn| u::users.filter(u::born.lt(moment().date())).select(u::born).order(u::id)
            .load::<Option<chrono::NaiveDate>>(conn);
        "a decimal" => |conn| r::pairs.filter(r::weight.lt(bigdecimal::BigDecimal::from(0))).load::<(i32, i32, Option<bigdecimal::BigDecimal>)>(conn);
        "a stacked second statement is text" => |conn| u::users.filter(u::name.eq("'; DROP TABLE users; --")).load::<User>(conn);
        "sql with a bind" => |conn| u::users.filter(sql::<diesel::sql_types::Bool>("LENGTH(name) = ").bind::<Integer, _>(4))
            .select(u::id).order(u::id).load::<i32>(conn);
        "a subselect" => |conn| u::users.filter(u::id.eq_any(p::posts.select(p::user_id))).select(u::id).order(u::id).load::<i32>(conn);
        "a single value of a subselect" => |conn| u::users
            .filter(u::id.nullable().eq(p::posts.select(p::user_id).filter(p::title.eq("Third")).single_value())).select(u::id).load::<i32>(conn);
        "exists" => |conn| diesel::select(exists(u::users.filter(u::name.eq("Sean")))).get_result::<bool>(conn);
        "exists not" => |conn| diesel::select(exists(u::users.filter(u::name.eq("nobody")))).get_result::<bool>(conn);
        "exists, correlated" => |conn| u::users.filter(not(exists(p::posts.filter(p::user_id.eq(u::id))))).select(u::id).order(u::id).load::<i32>(conn);
    }
}

fn joins() -> Vec<Case> {
    cases! {
        "inner join" => |conn| u::users.inner_join(p::posts).order(p::id).select((u::name, p::title)).load::<(String, String)>(conn);
        "inner join of structs" => |conn| u::users.inner_join(p::posts).order(p::id).load::<(User, Post)>(conn);
        "left join" => |conn| u::users.left_join(p::posts).order((u::id, p::id)).load::<(User, Option<Post>)>(conn);
        "left join, a nullable column" => |conn| u::users.left_join(p::posts).order((u::id, p::id)).select((u::id, p::body.nullable()))
            .load::<(i32, Option<String>)>(conn);
        "left join, Selectable" => |conn| u::users.left_join(p::posts).order((u::id, p::id))
            .select((User::as_select(), Option::<Post>::as_select())).load::<(User, Option<Post>)>(conn);
        "two joins" => |conn| u::users.inner_join(p::posts.inner_join(c::comments)).order(c::id).select((u::name, p::title, c::words))
            .load::<(String, String, String)>(conn);
        "two left joins" => |conn| u::users.left_join(p::posts.left_join(c::comments)).order((u::id, p::id, c::id))
            .select((u::id, p::id.nullable(), c::words.nullable())).load::<(i32, Option<i32>, Option<String>)>(conn);
        "join with on" => |conn| u::users.inner_join(p::posts.on(p::title.eq(u::name).or(p::user_id.eq(2)))).select((u::id, p::id))
            .order((u::id, p::id)).load::<(i32, i32)>(conn);
        "a join of what does not fit" => |conn| u::users.inner_join(c::comments.on(c::words.eq(u::name))).count().get_result::<i64>(conn);
        "alias" => |conn| u::users.inner_join(others.on(others.field(users::age).gt(u::age)))
            .order((u::id, others.field(users::id))).select((u::id, others.field(users::id))).load::<(i32, i32)>(conn);
        "embed and an expression" => |conn| p::posts.inner_join(u::users).order(p::id).select(Titled::as_select())
            .load(conn).map(|all: Vec<Titled>| all.into_iter().map(|t| (t.title, t.author.name, t.author.colour, t.twice)).collect::<Vec<_>>());
        "belonging_to" => |conn| {
            let user = u::users.find(1).first::<User>(conn)?;
            Post::belonging_to(&user).order(p::id).load::<Post>(conn)
        };
        "belonging_to and grouped_by" => |conn| {
            let all = u::users.order(u::id).load::<User>(conn)?;
            Ok(Post::belonging_to(&all).order(p::id).load::<Post>(conn)?.grouped_by(&all))
        };
        "grandchildren" => |conn| {
            let all = u::users.order(u::id).load::<User>(conn)?;
            let children = Post::belonging_to(&all).order(p::id).load::<Post>(conn)?;
            let words = Comment::belonging_to(&children).order(c::id).load::<Comment>(conn)?.grouped_by(&children);
            Ok(children.into_iter().zip(words).grouped_by(&all))
        };
    }
}

fn groups() -> Vec<Case> {
    cases! {
        "count" => |conn| u::users.count().get_result::<i64>(conn);
        "count of a nullable column" => |conn| u::users.select(count(u::age)).first::<i64>(conn);
        "count_star" => |conn| u::users.select(count_star()).first::<i64>(conn);
        "count distinct" => |conn| p::posts.select(count(p::user_id).aggregate_distinct()).first::<i64>(conn);
        "sum" => |conn| u::users.select(sum(u::age)).first::<Option<i64>>(conn);
        "sum of doubles" => |conn| p::posts.select(sum(p::score)).first::<Option<f64>>(conn);
        "sum of decimals" => |conn| r::pairs.select(sum(r::weight)).first::<Option<bigdecimal::BigDecimal>>(conn);
        "sum of nothing" => |conn| u::users.filter(u::id.lt(0)).select(sum(u::age)).first::<Option<i64>>(conn);
        "avg" => |conn| u::users.select(avg(u::age)).first::<Option<bigdecimal::BigDecimal>>(conn);
        "avg of doubles" => |conn| p::posts.select(avg(p::score)).first::<Option<f64>>(conn);
        "min and max" => |conn| u::users.select((min(u::name), max(u::born))).first::<(Option<String>, Option<chrono::NaiveDate>)>(conn);
        "min and max of times" => |conn| p::posts.select((min(p::at), max(p::at))).first::<(Option<chrono::NaiveDateTime>, Option<chrono::NaiveDateTime>)>(conn);
        "max of unsigned" => |conn| p::posts.select(max(p::likes)).first::<Option<u64>>(conn);
        "group by" => |conn| p::posts.group_by(p::user_id).select((p::user_id, count(p::id), max(p::score))).order(p::user_id)
            .load::<(i32, i64, Option<f64>)>(conn);
        "group by two columns" => |conn| p::posts.group_by((p::user_id, p::published)).select((p::user_id, p::published, count_star()))
            .order((p::user_id, p::published)).load::<(i32, bool, i64)>(conn);
        "group by over a join" => |conn| u::users.inner_join(p::posts).group_by(u::id).select((u::id, u::name, count(p::id))).order(u::id)
            .load::<(i32, String, i64)>(conn);
        "having" => |conn| p::posts.group_by(p::user_id).having(count(p::id).gt(1)).select(p::user_id).load::<i32>(conn);
        "an aggregate of one's own" => |conn| c::comments.select(group_concat(c::words)).first::<Option<String>>(conn);
        "a window" => |conn| p::posts.select((p::id, sum(p::score).over().partition_by(p::user_id))).order(p::id)
            .load::<(i32, Option<f64>)>(conn);
        "a ranking window" => |conn| p::posts.select((p::id, diesel::dsl::rank().over().window_order(p::score.desc()))).order(p::id).load::<(i32, i64)>(conn);
        "row_number" => |conn| p::posts.select((p::id, diesel::dsl::row_number().over().partition_by(p::user_id).window_order(p::id))).order(p::id).load::<(i32, i64)>(conn);
        "lag" => |conn| p::posts.select((p::id, diesel::dsl::lag(p::title).over().window_order(p::id))).order(p::id).load::<(i32, Option<String>)>(conn);
    }
}

fn others_of_the_dsl() -> Vec<Case> {
    cases! {
        "union" => |conn| u::users.select(u::name).union(p::posts.select(p::title)).positional_order_by(1).load::<String>(conn);
        "union all" => |conn| u::users.select(u::id).union_all(p::posts.select(p::id)).positional_order_by(1).load::<i32>(conn);
        "union with a limit" => |conn| u::users.select(u::id).union_all(p::posts.select(p::id)).positional_order_by(1).limit(3).offset(1).load::<i32>(conn);
        "case_when" => |conn| u::users.select(case_when(u::age.is_null(), "unknown".into_sql::<Text>()).when(u::id.gt(3), "old".into_sql::<Text>()).otherwise("young".into_sql::<Text>()))
            .order(u::id).load::<String>(conn);
        "case_when without otherwise" => |conn| u::users.select(case_when(u::id.gt(2), u::name)).order(u::id).load::<Option<String>>(conn);
        "arithmetic" => |conn| p::posts.select((p::id + 1, p::id - 10, p::id * 3, p::score / 2.0)).order(p::id)
            .load::<(i32, i32, i32, f64)>(conn);
        "unsigned arithmetic beyond its range" => |conn| p::posts.filter(p::id.eq(1)).select(p::likes + 1).first::<u64>(conn);
        "a division by zero" => |conn| p::posts.select(p::score / 0.0).first::<f64>(conn);
        "functions of one's own" => |conn| u::users.select((upper(u::name), char_length(u::hair), coalesce(u::age, -1))).order(u::id)
            .load::<(String, Option<i32>, i32)>(conn);
        "date()" => |conn| p::posts.select(date(p::at)).order(p::id).load::<chrono::NaiveDate>(conn);
        "concat, which is OR here" => |conn| u::users.select(u::name.concat("!")).order(u::id).load::<String>(conn);
        "boxed" => |conn| {
            let mut query = u::users.into_boxed();
            query = query.filter(u::id.gt(1));
            query = query.filter(u::name.ne(String::from("Tess")));
            query.order(u::id.desc()).limit(2).load::<User>(conn)
        };
        "boxed, with dynamic filters" => |conn| (0..8).map(|bits: i32| {
            let mut query = u::users.select(u::id).order(u::id).into_boxed();
            if bits & 1 != 0 { query = query.filter(u::hair.is_not_null()); }
            if bits & 2 != 0 { query = query.filter(u::age.gt(10)); }
            if bits & 4 != 0 { query = query.or_filter(u::id.eq(3)); }
            query.load::<i32>(conn)
        }).collect::<QueryResult<Vec<_>>>();
        "boxed over a join" => |conn| u::users.inner_join(p::posts).select((u::name, p::title)).order(p::id).into_boxed().load::<(String, String)>(conn);
        "boxed conditions" => |conn| {
            let mut any: Box<dyn BoxableExpression<users::table, diesel::mysql::Mysql, SqlType = diesel::sql_types::Bool>> = Box::new(u::id.eq(1));
            for id in [2, 5] { any = Box::new(any.or(u::id.eq(id))); }
            u::users.filter(any).select(u::id).order(u::id).load::<i32>(conn)
        };
        "for update" => |conn| conn.transaction(|conn| u::users.filter(u::id.eq(1)).for_update().load::<User>(conn));
        "for update, skip locked" => |conn| conn.transaction(|conn| u::users.select(u::id).order(u::id).for_update().skip_locked().load::<i32>(conn));
        "for update, no wait" => |conn| conn.transaction(|conn| u::users.select(u::id).order(u::id).for_update().no_wait().load::<i32>(conn));
        "for share, which one vendor lacks" => |conn| conn.transaction(|conn| u::users.select(u::id).order(u::id).for_share().load::<i32>(conn));
        "the same query with other values" => |conn| [1, 2, 99, 3].map(|id| u::users.find(id).select(u::name).first::<String>(conn).optional())
            .into_iter().collect::<QueryResult<Vec<_>>>();
        "a query again after an error" => |conn| {
            let failed = u::users.select(sql::<Integer>("no_such_column")).load::<i32>(conn).is_err();
            Ok((failed, u::users.count().get_result::<i64>(conn)?))
        };
        "a table that is not there" => |conn| {
            diesel::table! { nowhere (id) { id -> Integer, } }
            nowhere::table.select(nowhere::id).load::<i32>(conn)
        };
        "a column of another type" => |conn| {
            diesel::table! { users (id) { id -> Integer, name -> BigInt, age -> Nullable<Text>, } }
            Ok((users::table.order(users::id).select(users::name).load::<i64>(conn).map_err(|error| error.to_string()),
                users::table.order(users::id).select(users::age).load::<Option<String>>(conn)?))
        };
        "a bigger number than asked for" => |conn| {
            diesel::table! { posts (id) { id -> Integer, likes -> BigInt, score -> Float, } }
            Ok((posts::table.order(posts::id).select(posts::likes).load::<i64>(conn).map_err(|error| error.to_string()),
                posts::table.order(posts::id).select(posts::score).load::<f32>(conn).map_err(|error| error.to_string())))
        };
        "comments and pairs in one query" => |conn| comments::table.inner_join(pairs::table.on(pairs::left.eq(comments::id)))
            .select((comments::words, pairs::right)).order((comments::id, pairs::right)).load::<(String, i32)>(conn);
        "count over a subselect's sum" => |conn| diesel::select(sql::<BigInt>("(SELECT COUNT(*) FROM (SELECT SUM(score) FROM posts GROUP BY user_id) AS x)")).first::<i64>(conn);
    }
}

fn moment() -> chrono::NaiveDateTime {
    chrono::NaiveDate::from_ymd_opt(2024, 2, 29)
        .unwrap()
        .and_hms_micro_opt(13, 14, 15, 123_456)
        .unwrap()
}
