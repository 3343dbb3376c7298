//! Rules as prometheus-adapter 0.12 reads and applies them.

use kube_core::Expression;

use super::*;

const PODS: Resource<'static> = Resource { group: "", plural: "pods", singular: "pod" };

fn one(rule: &str) -> Result<Rule, ConfigError> {
    Config::parse(&format!("externalRules: [{rule}]")).map(|mut config| config.external_rules.remove(0))
}

fn problem(rule: &str) -> RuleProblem {
    match one(rule) {
        Err(ConfigError::Rule { problem, .. }) => problem,
        other => panic!("{rule}: {other:?}"),
    }
}

fn queue() -> Selector {
    Selector::from(Expression::Equal("queue".into(), "Orders".into()))
}

#[test]
fn reads_the_installed_rules() {
    for (file, series) in [
        (include_str!("../../../../manifests/adapter/plugin.yaml"), "rabbitmq_detailed_queue_messages"),
        (include_str!("../../../../manifests/adapter/exporter.yaml"), "rabbitmq_queue_messages"),
    ] {
        let map: serde_json::Value = serde_saphyr::from_str(file).expect("YAML");
        let config =
            Config::parse(map["data"][CONFIG_KEY].as_str().expect("a text")).expect("a configuration");
        let [rule] = config.external_rules.as_slice() else { panic!("one rule: {config:?}") };
        assert_eq!(rule.fixed_series(), Some(series));
        assert_eq!(rule.metric_name(series).as_deref(), Some("rabbitmq_queue_length"));
        assert_eq!(rule.metric_name(&format!("{series}_ready")), None);
        assert_eq!(rule.namespace_label(), Ok(Some("namespace".to_owned())));
        let query = rule.external_query(series, "demo", &queue()).expect("a query");
        assert!(
            query.contains(&format!(r#"{series}{{queue="Orders",namespace="demo",vhost="/"}}"#)),
            "{query}"
        );
        assert!(query.contains(r#"namespace="demo"} == 1)"#), "{query}");
    }
}

#[test]
fn names_default_to_the_series_or_its_one_group() {
    let with = |name: &str| {
        one(&format!("{{seriesQuery: a, metricsQuery: b, resources: {{namespaced: false}}, {name}}}"))
    };
    let name = |rule: &str, series: &str| with(rule).expect(rule).metric_name(series);
    assert_eq!(name("name: {}", "http_total").as_deref(), Some("http_total"));
    assert_eq!(name("name: {matches: '^(.*)_total$'}", "http_total").as_deref(), Some("http"));
    assert_eq!(name("name: {matches: '^(.*)_total$'}", "http"), None);
    let renamed = name("name: {matches: '^(.*)_total$', as: '${1}_per_second'}", "http_total");
    assert_eq!(renamed.as_deref(), Some("http_per_second"));
    assert_eq!(
        with("name: {matches: '(a)(b)'}").unwrap_err().to_string(),
        "externalRules[0]: name.as is required when name.matches has several groups"
    );
}

#[test]
fn series_filters_exclude_series() {
    let rule = |filters: &str| {
        one(&format!("{{seriesQuery: a, metricsQuery: b, seriesFilters: [{filters}]}}")).expect(filters)
    };
    for (filters, series, passes) in [
        ("", "http_total", true),
        ("{is: _total$}", "http_total", true),
        ("{is: _total$}", "http", false),
        ("{isNot: _total$}", "http_total", false),
        ("{isNot: _total$}", "http", true),
        ("{is: ^http}, {isNot: _total$}", "http_total", false),
        ("{is: ^http}, {isNot: _total$}", "http_seconds", true),
    ] {
        assert_eq!(rule(filters).metric_name(series).is_some(), passes, "{filters} {series}");
    }
}

#[test]
fn namespaced_rules_need_a_label() {
    let rule = |resources: &str| {
        one(&format!("{{seriesQuery: m, metricsQuery: 'q(<<.LabelMatchers>>)', resources: {resources}}}"))
            .expect(resources)
    };
    let label = |resources: &str| rule(resources).namespace_label();
    assert_eq!(label("{namespaced: false}"), Ok(None));
    assert_eq!(label("{template: 'kube_<<.Group>>_<<.Resource>>'}"), Ok(Some("kube__namespace".to_owned())));
    assert_eq!(label("{overrides: {ns: {resource: namespaces}}}"), Ok(Some("ns".to_owned())));
    assert_eq!(label("{overrides: {ns: {resource: namespace}}, template: x}"), Ok(Some("ns".to_owned())));
    let none = QueryError::NoLabel { resource: "namespaces".to_owned() };
    for resources in
        ["{}", "{overrides: {n: {resource: namespace, group: other}}}", "{overrides: {pod: {resource: pod}}}"]
    {
        assert_eq!(label(resources), Err(none.clone()), "{resources}");
        assert_eq!(rule(resources).external_query("m", "demo", &queue()), Err(none.clone()), "{resources}");
    }
    let query = rule("{namespaced: false}").external_query("m", "demo", &queue());
    assert_eq!(query.as_deref(), Ok(r#"q(queue="Orders")"#));
}

#[test]
fn external_queries_fill_in_the_template() {
    let query = |template: &str| {
        let rule =
            format!("{{seriesQuery: m, metricsQuery: '{template}', resources: {{template: <<.Resource>>}}}}");
        one(&rule).expect(template).external_query("m", "demo", &queue())
    };
    for (template, expected) in [
        (
            "sum(<<.Series>>{<< .LabelMatchers >>}) by (<<.GroupBy>>)",
            r#"sum(m{queue="Orders",namespace="demo"}) by ()"#,
        ),
        (r#"up{namespace="<<index .LabelValuesByName "namespace">>"}"#, r#"up{namespace="demo"}"#),
        ("<<.LabelValuesByName.queue>>", "Orders"),
        (r#"<<index .LabelValuesByName "other">>."#, "."),
        ("plain", "plain"),
    ] {
        assert_eq!(query(template).as_deref(), Ok(expected), "{template}");
    }
    assert_eq!(query("<<.X>>"), Err(QueryError::Action(".X".to_owned())));
    assert_eq!(query(r#"<<index .LabelValuesByName "other">>"#), Err(QueryError::Empty));
}

#[test]
fn object_queries_select_and_group_by_the_object() {
    let config = Config::parse(
        "rules:\n- seriesQuery: m\n  resources: {template: 'k8s_<<.Group>>_<<.Resource>>', overrides: {namespace: {resource: namespace}, pod: {resource: pods}}}\n  metricsQuery: 'sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)'\n",
    )
    .expect("a configuration");
    let rule = &config.rules[0];
    let query =
        |resource, names: &[&str], namespace| rule.object_query("m", namespace, resource, names, &queue());
    assert_eq!(
        query(PODS, &["a", "b"], "demo").as_deref(),
        Ok(r#"sum(m{queue="Orders",namespace="demo",pod=~"a|b"}) by (pod)"#)
    );
    let deployments = Resource { group: "apps.k8s-x.io", plural: "deployments", singular: "deployment" };
    assert_eq!(
        query(deployments, &["a"], "demo").as_deref(),
        Ok(
            r#"sum(m{queue="Orders",namespace="demo",k8s_apps_k8s_x_io_deployment="a"}) by (k8s_apps_k8s_x_io_deployment)"#
        )
    );
    assert_eq!(
        query(Resource::NAMESPACES, &["demo"], "").as_deref(),
        Ok(r#"sum(m{queue="Orders",namespace="demo"}) by (namespace)"#)
    );
}

#[test]
fn labels_name_objects_of_resources() {
    const DEPLOYMENTS: Resource<'static> =
        Resource { group: "apps", plural: "deployments", singular: "deployment" };
    let found = |resources: &str| {
        let rule =
            one(&format!("{{seriesQuery: m, metricsQuery: q, resources: {resources}}}")).expect(resources);
        let labels = rule.resources_by_label(&[PODS, Resource::NAMESPACES, DEPLOYMENTS]);
        let labels = labels.iter().map(|(label, resource)| format!("{label}={}", resource.plural));
        labels.collect::<Vec<_>>().join(" ")
    };
    for (resources, expected) in [
        ("{}", ""),
        (
            "{overrides: {pod_name: {resource: pod}, ns: {resource: namespaces}}}",
            "ns=namespaces pod_name=pods",
        ),
        ("{overrides: {d: {group: apps, resource: deployment}}}", "d=deployments"),
        // The REST mapper finds the group.
        ("{overrides: {d: {resource: deployment}}}", "d=deployments"),
        ("{overrides: {d: {group: other, resource: deployment}, x: {resource: unknown}}}", ""),
        ("{template: 'k_<<.Resource>>'}", "k_deployment=deployments k_namespace=namespaces k_pod=pods"),
        (
            "{template: '<<.Resource>>', overrides: {ns: {resource: namespace}}}",
            "deployment=deployments namespace=namespaces ns=namespaces pod=pods",
        ),
    ] {
        assert_eq!(found(resources), expected, "{resources}");
    }
}

#[test]
fn knows_a_fixed_series() {
    for (query, series) in [
        ("m", Some("m")),
        (r#"m{a="b"}"#, Some("m")),
        (r#"{__name__="m",a!=""}"#, Some("m")),
        (r#"{__name__=~"m.*"}"#, None),
        (r#"{a="b"}"#, None),
    ] {
        let rule = one(&format!("{{seriesQuery: '{query}', metricsQuery: q}}")).expect(query);
        assert_eq!(rule.fixed_series(), series, "{query}");
    }
}

#[test]
fn reports_the_problem_and_its_rule() {
    assert_eq!(problem("{metricsQuery: b}"), RuleProblem::Missing("seriesQuery"));
    assert_eq!(problem("{seriesQuery: a}"), RuleProblem::Missing("metricsQuery"));
    assert_eq!(
        problem("{seriesQuery: a, metricsQuery: 'b <<.Series'}"),
        RuleProblem::Template("metricsQuery")
    );
    for filter in ["{}", "{is: x, isNot: y}"] {
        let rule = format!("{{seriesQuery: a, metricsQuery: b, seriesFilters: [{filter}]}}");
        assert_eq!(problem(&rule), RuleProblem::Filter, "{filter}");
    }
    let regex = problem("{seriesQuery: a, metricsQuery: b, name: {matches: '('}}");
    assert!(
        matches!(&regex, RuleProblem::Regex { field: "name.matches", pattern, .. } if pattern == "("),
        "{regex}"
    );
    let second = Config::parse("rules: [{seriesQuery: a, metricsQuery: b}, {}]").unwrap_err();
    assert_eq!(second.to_string(), "rules[1]: seriesQuery is required");
}

#[test]
fn refuses_files_that_the_adapter_refuses() {
    for text in [
        "externalRules: 3",
        "external: []",
        "externalRules: [{seriesQuery: a, metricQuery: b}]",
        "externalRules: [{seriesQuery: a, metricsQuery: b, name: {matches: x, to: y}}]",
        "- a",
    ] {
        assert!(matches!(Config::parse(text), Err(ConfigError::Yaml(_))), "{text}");
    }
    assert_eq!(Config::parse("rules: {default: false, external: []}").unwrap_err(), ConfigError::ChartValues);
}

#[test]
fn accepts_empty_and_unused_parts() {
    for text in [
        "{}",
        "rules: []",
        "rules: null\nexternalRules:\n",
        "resourceRules: {cpu: {containerQuery: x}, window: 3m}",
        "externalRules: [{seriesQuery: a, metricsQuery: b, seriesFilters: [], resources: {}, name: {}}]",
    ] {
        assert!(Config::parse(text).is_ok(), "{text}");
    }
}
