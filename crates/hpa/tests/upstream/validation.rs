//! Kinds of the API server's validation.

use hpa::validate::{FieldError, validate, validate_update};
use hpa::{Config, Gates, Release, Spec};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::case::{Actual, actual, read};

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GatesJson {
    #[serde(rename = "HPAScaleToZero", default)]
    scale_to_zero: bool,
    #[serde(rename = "HPAConfigurableTolerance", default)]
    configurable_tolerance: bool,
}

impl GatesJson {
    pub(crate) fn at(self, release: Release) -> Gates {
        Gates {
            scale_to_zero: self.scale_to_zero,
            configurable_tolerance: self.configurable_tolerance,
            ..Gates::release(release)
        }
    }
}

#[derive(Deserialize)]
struct Object {
    spec: Spec,
}

#[derive(Deserialize)]
struct Validation {
    gates: GatesJson,
    hpa: Object,
    #[serde(default)]
    old_hpa: Option<Object>,
}

fn result(errors: &[FieldError]) -> Actual {
    let first = errors.first().map(|e| json!({ "field": e.field, "type": e.kind, "message": e.to_string() }));
    actual(json!({
        "valid": errors.is_empty(),
        "first_error": first,
        "error_count": errors.len(),
    }))
}

pub(crate) fn validate_hpa(input: Value, release: Release) -> Result<Actual, String> {
    let i: Validation = read(input)?;
    let config = Config { gates: i.gates.at(release), ..Config::release(release) };
    Ok(result(&validate(&i.hpa.spec, &config)))
}

pub(crate) fn validate_hpa_update(input: Value, release: Release) -> Result<Actual, String> {
    let i: Validation = read(input)?;
    let config = Config { gates: i.gates.at(release), ..Config::release(release) };
    let old = i.old_hpa.ok_or("the case has no old_hpa")?;
    Ok(result(&validate_update(&i.hpa.spec, &old.spec, &config)))
}
