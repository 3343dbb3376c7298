//! Lists: pages, a filter by name, the order and the columns, as
//! [RabbitMQ's HTTP API](https://www.rabbitmq.com/docs/http-api-reference) has them. Pure.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use regex::RegexBuilder;
use serde_json::{Map, Value, json};

use super::answer::Refusal;
use crate::http::query::QueryPairs;
use crate::shared::Shared;
use crate::state::State as Broker;

/// Objects on a page if the request names no number.
const PAGE_SIZE: usize = 100;
/// Most objects on a page.
const MAX_PAGE_SIZE: usize = 500;

/// Returns two routes: the objects of all virtual hosts at `all`, and those of one at `of_vhost`, which has the parameter
/// `{vhost}`. `objects` gets the virtual host, or `None` for all.
pub(super) fn routes(
    all: &str,
    of_vhost: &str,
    objects: fn(&Broker, Option<&str>) -> Vec<Value>,
) -> Router<Arc<Shared>> {
    let all_objects = async move |State(shared): State<Arc<Shared>>, pairs: QueryPairs| {
        answer(objects(&shared.lock(), None), &pairs).map(Json)
    };
    let of_one =
        async move |State(shared): State<Arc<Shared>>, Path(vhost): Path<String>, pairs: QueryPairs| {
            let state = shared.lock();
            state.vhost(&vhost).ok_or(Refusal::Missing)?;
            answer(objects(&state, Some(&vhost)), &pairs).map(Json)
        };
    Router::new().route(all, get(all_objects)).route(of_vhost, get(of_one))
}

/// Returns the part of a list that a request asks for: an array, or a page as an object.
///
/// # Errors
/// Invalid numbers, a page that does not exist, an invalid regular expression.
pub(super) fn answer(mut objects: Vec<Value>, pairs: &QueryPairs) -> Result<Value, Refusal> {
    if let Some(key) = pairs.first("sort") {
        objects.sort_by_cached_key(|object| Order(at(object, key).cloned().unwrap_or(Value::Null)));
        if pairs.is_true("sort_reverse") {
            objects.reverse();
        }
    }
    let Some(page) = pairs.first("page") else { return Ok(columns(objects, pairs)) };
    let invalid = || Refusal::BadRequest("Pagination parameters are invalid".into());
    let page: usize = page.parse().map_err(|_| invalid())?;
    let size =
        pairs.first("page_size").map(|size| size.parse::<usize>().map_err(|_| invalid())).transpose()?;
    if page == 0 || size.is_some_and(|size| size == 0 || size > MAX_PAGE_SIZE) {
        let size = size.map_or_else(|| "undefined".to_owned(), |size| size.to_string());
        let reason = format!("Invalid pagination parameters: page number {page}, page size {size}");
        return Err(Refusal::Invalid("invalid_pagination_parameters", reason));
    }
    let size = size.unwrap_or(PAGE_SIZE);
    let total = objects.len();
    if let Some(wanted) = pairs.first("name").filter(|wanted| !wanted.is_empty()) {
        let pattern = if pairs.is_true("use_regex") { wanted.to_owned() } else { regex::escape(wanted) };
        let pattern = RegexBuilder::new(&pattern).case_insensitive(true).build().map_err(|_| invalid())?;
        objects.retain(|object| object["name"].as_str().is_some_and(|name| pattern.is_match(name)));
    }
    let filtered = objects.len();
    let pages = filtered.div_ceil(size);
    if page > pages.max(1) {
        let reason = format!("Page out of range, page: {page} page size: {size}, len: {filtered}");
        return Err(Refusal::Invalid("page_out_of_range", reason));
    }
    let items: Vec<Value> = objects.into_iter().skip((page - 1) * size).take(size).collect();
    Ok(json!({
        "filtered_count": filtered,
        "item_count": items.len(),
        "items": columns(items, pairs),
        "page": page,
        "page_count": pages,
        "page_size": size,
        "total_count": total,
    }))
}

/// Reduces objects to the columns that a request names, such as `name,queue_totals.messages`.
fn columns(objects: Vec<Value>, pairs: &QueryPairs) -> Value {
    let Some(names) = pairs.first("columns") else { return Value::Array(objects) };
    let reduced = |object: &Value| {
        let mut kept = Map::new();
        for name in names.split(',') {
            let Some(value) = at(object, name) else { continue };
            let mut place = &mut kept;
            let mut parts = name.split('.').peekable();
            while let Some(part) = parts.next() {
                if parts.peek().is_none() {
                    place.insert(part.to_owned(), value.clone());
                    break;
                }
                let inner = place.entry(part).or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(inner) = inner else { break };
                place = inner;
            }
        }
        Value::Object(kept)
    };
    objects.iter().map(reduced).collect()
}

/// The value at a path such as `queue_totals.messages`.
fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(object, |value, part| value.get(part))
}

/// The order of values: numbers by value, then texts, then everything else.
#[derive(PartialEq)]
struct Order(Value);

impl Eq for Order {}

impl PartialOrd for Order {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Order {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        match (&self.0, &other.0) {
            (Value::Number(one), Value::Number(other)) => {
                let number = |number: &serde_json::Number| number.as_f64().unwrap_or_default();
                number(one).total_cmp(&number(other))
            }
            (Value::Number(_), _) => std::cmp::Ordering::Less,
            (_, Value::Number(_)) => std::cmp::Ordering::Greater,
            (one, other) => one.as_str().unwrap_or_default().cmp(other.as_str().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(query: &str) -> Result<String, String> {
        let objects = [("Orders", 10), ("Orders.dead", 9), ("other", 100)];
        let objects: Vec<Value> =
            objects.iter().map(|(name, messages)| json!({"name": name, "messages": messages})).collect();
        let list = answer(objects, &QueryPairs::parse(query)).map_err(|refusal| format!("{refusal:?}"))?;
        let items = list.get("items").unwrap_or(&list).as_array().unwrap().clone();
        Ok(items.iter().map(|item| item["name"].as_str().unwrap_or("-")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn lists_are_filtered_sorted_and_cut() {
        for (query, expected) in [
            ("", "Orders Orders.dead other"),
            // Without a page the name is ignored.
            ("name=dead", "Orders Orders.dead other"),
            ("page=1&name=DEAD", "Orders.dead"),
            ("page=1&name=o.d", ""),
            ("page=1&name=%5Eo.*s%24&use_regex=true", "Orders"),
            ("sort=messages", "Orders.dead Orders other"),
            ("sort=messages&sort_reverse=true", "other Orders Orders.dead"),
            ("page=2&page_size=2", "other"),
            ("columns=messages", "- - -"),
        ] {
            assert_eq!(names(query).as_deref(), Ok(expected), "{query}");
        }
        for (query, expected) in [
            ("page=0", "page number 0, page size undefined"),
            ("page=1&page_size=501", "page size 501"),
            ("page=x", "Pagination parameters are invalid"),
            ("page=1&name=%28&use_regex=true", "Pagination parameters are invalid"),
            ("page=2", "Page out of range, page: 2 page size: 100, len: 3"),
        ] {
            let refusal = names(query).unwrap_err();
            assert!(refusal.contains(expected), "{query}: {refusal}");
        }
    }

    #[test]
    fn columns_may_be_nested() {
        let list = answer(
            vec![json!({"name": "a", "totals": {"ready": 1, "unacked": 2}})],
            &QueryPairs::parse("columns=name,totals.ready,nope.x"),
        );
        assert_eq!(list.unwrap(), json!([{"name": "a", "totals": {"ready": 1}}]));
    }
}
