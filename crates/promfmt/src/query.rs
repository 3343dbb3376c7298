//! The selectors of a PromQL query, and the part that each plays in its result.

use promql_parser::label::MatchOp;
use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_GROUP, T_LAND, T_LOR, T_LUNLESS, T_MAX, T_MIN, T_MUL, T_QUANTILE, T_SUM,
    T_TOPK,
};
use promql_parser::parser::{self, Expr};

use crate::exposition::NAME;
use crate::matcher::{Matcher, Operator};

/// A parsed query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// The selectors, in the order of the text.
    pub selectors: Vec<SeriesSelector>,
    /// The result is more than a sum or a choice of samples: arithmetic, a function, or a count.
    pub computes: bool,
}

/// A selector of series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesSelector {
    /// Name of the series, if the selector fixes it.
    pub name: Option<String>,
    /// The matchers, without one that fixes the name.
    pub matchers: Vec<Matcher>,
    /// The part that it plays.
    pub role: Role,
}

/// The part of a selector in the result of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its samples are added.
    Added,
    /// One of several samples is chosen, such as the largest.
    Chosen,
    /// It follows `or` and gives a 0 where the rest has no result.
    Guard,
    /// It limits another selector: `and`, `unless`, or the condition of a comparison.
    Condition,
}

impl Query {
    /// Parses a query.
    ///
    /// # Errors
    /// The parser's sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut query = Self::default();
        query.visit(&parser::parse(text)?, Role::Added);
        Ok(query)
    }

    /// The selectors whose samples are in the result.
    pub fn measured(&self) -> impl Iterator<Item = &SeriesSelector> {
        self.selectors.iter().filter(|selector| matches!(selector.role, Role::Added | Role::Chosen))
    }

    /// Collects the selectors of an expression. The innermost aggregation decides the role.
    fn visit(&mut self, expr: &Expr, role: Role) {
        match expr {
            Expr::VectorSelector(selector) => self.add(selector, role),
            Expr::MatrixSelector(selector) => self.add(&selector.vs, role),
            Expr::Paren(inner) => self.visit(&inner.expr, role),
            Expr::Unary(inner) => {
                self.computes = true;
                self.visit(&inner.expr, role);
            }
            Expr::Subquery(inner) => {
                self.computes = true;
                self.visit(&inner.expr, role);
            }
            Expr::Aggregate(aggregation) => {
                let inner = match (role, aggregation.op.id()) {
                    (Role::Added | Role::Chosen, T_SUM) => Role::Added,
                    (Role::Added | Role::Chosen, T_MAX | T_MIN | T_AVG | T_TOPK | T_BOTTOMK | T_QUANTILE) => {
                        Role::Chosen
                    }
                    (role, op) => {
                        self.computes |= matches!(op, T_COUNT | T_GROUP) && role != Role::Guard;
                        role
                    }
                };
                self.visit(&aggregation.expr, inner);
            }
            Expr::Call(call) => {
                self.computes |= role != Role::Guard;
                for argument in &call.args.args {
                    self.visit(argument, role);
                }
            }
            Expr::Binary(binary) => match binary.op.id() {
                T_LOR => {
                    self.visit(&binary.lhs, role);
                    let right = if is_zero(&binary.rhs) { Role::Guard } else { role };
                    let computes = self.computes;
                    self.visit(&binary.rhs, right);
                    if right == Role::Guard {
                        self.computes = computes;
                    }
                }
                T_LAND | T_LUNLESS => {
                    self.visit(&binary.lhs, role);
                    self.visit(&binary.rhs, Role::Condition);
                }
                _ if binary.op.is_comparison_operator() => {
                    self.computes |= binary.modifier.as_ref().is_some_and(|modifier| modifier.return_bool);
                    self.visit(&binary.lhs, role);
                    self.visit(&binary.rhs, Role::Condition);
                }
                _ => {
                    self.computes |= role != Role::Guard;
                    self.visit(&binary.lhs, role);
                    self.visit(&binary.rhs, role);
                }
            },
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
        }
    }

    fn add(&mut self, selector: &parser::VectorSelector, role: Role) {
        self.computes |= (selector.offset.is_some() || selector.at.is_some()) && role != Role::Guard;
        let (named, matchers): (Vec<Matcher>, Vec<Matcher>) = selector
            .matchers
            .matchers
            .iter()
            .map(|matcher| Matcher::new(&matcher.name, operator(&matcher.op), &matcher.value))
            .partition(|matcher| matcher.label == NAME && matcher.operator == Operator::Equal);
        let name = selector.name.clone().or_else(|| named.into_iter().next().map(|matcher| matcher.value));
        self.selectors.push(SeriesSelector { name, matchers, role });
    }
}

fn operator(op: &MatchOp) -> Operator {
    match op {
        MatchOp::Equal => Operator::Equal,
        MatchOp::NotEqual => Operator::NotEqual,
        MatchOp::Re(_) => Operator::Matches,
        MatchOp::NotRe(_) => Operator::MatchesNot,
    }
}

/// Returns `true` if every value of the expression is 0: `vector(0)`, `0 * up`.
fn is_zero(expr: &Expr) -> bool {
    match expr {
        Expr::NumberLiteral(number) => number.val == 0.0,
        Expr::Paren(inner) => is_zero(&inner.expr),
        Expr::Unary(inner) => is_zero(&inner.expr),
        Expr::Aggregate(aggregation) => is_zero(&aggregation.expr),
        Expr::Call(call) => call.args.args.first().is_some_and(|argument| is_zero(argument)),
        Expr::Binary(binary) if binary.op.id() == T_MUL => is_zero(&binary.lhs) || is_zero(&binary.rhs),
        Expr::Binary(binary) if binary.op.is_comparison_operator() => is_zero(&binary.lhs),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let query = Query::parse(text).expect(text);
        let selectors = query.selectors.iter().map(|selector| {
            let matchers: Vec<String> = selector.matchers.iter().map(ToString::to_string).collect();
            let name = selector.name.as_deref().unwrap_or_default();
            format!("{name}{{{}}} {:?}", matchers.join(","), selector.role)
        });
        let text = selectors.collect::<Vec<_>>().join(" + ");
        if query.computes { format!("computes {text}") } else { text }
    }

    #[test]
    fn every_selector_has_a_role() {
        for (query, expected) in [
            ("a", "a{} Added"),
            (r#"sum(a{b="c"})"#, r#"a{b="c"} Added"#),
            (r#"{__name__="a",b=~"c"}"#, r#"a{b=~"c"} Added"#),
            ("sum(max by (x) (a))", "a{} Chosen"),
            ("max(sum by (x) (a))", "a{} Added"),
            ("sum(a) or vector(0)", "a{} Added"),
            ("sum(max(a)) or 0 * max(up == 1)", "a{} Chosen + up{} Guard"),
            ("(sum(a)) or (max(up) * 0)", "a{} Added + up{} Guard"),
            ("sum(a) or sum(b)", "a{} Added + b{} Added"),
            ("sum(a) or sum(b) or vector(0)", "a{} Added + b{} Added"),
            ("sum(a and on (pod) up == 1)", "a{} Added + up{} Condition"),
            ("sum(a > 3)", "a{} Added"),
            ("sum(a) / 2", "computes a{} Added"),
            ("sum(rate(a[1m]))", "computes a{} Added"),
            ("count(a)", "computes a{} Added"),
            ("a offset 5m", "computes a{} Added"),
        ] {
            assert_eq!(shown(query), expected, "{query}");
        }
        assert!(Query::parse("sum(").is_err());
    }
}
