use super::*;

fn parsed(text: &str) -> Result<Scenario, Vec<Problem>> {
    parse("test", text, &|path| match path.to_str() {
        Some("load.csv") => Ok("0,1\n60,0\n".to_owned()),
        _ => Err("no such file".to_owned()),
    })
}

#[test]
fn every_step_is_read() {
    let scenario = parsed(
        r#"
        description = "All of them."
        timeout = "3m"
        settle = "20s"
        expect = ["lost == 0", "first_pod_ready p95 < 60s"]

        [sandbox]
        sync_period = "1s"
        work_duration = "400ms"

        [hpa]
        maxReplicas = 4
        averageValue = "20"
        behavior.scaleDown.stabilizationWindowSeconds = 3

        [[steps]]
        caption = "Only words."
        [[steps]]
        burst = 100
        caption = "A burst."
        [[steps]]
        wait = "ready >= 4 within 30s"
        [[steps]]
        rate = 2.5
        [[steps]]
        hold = { rate = 5, for = "10s" }
        [[steps]]
        ramp = { from = 0, to = 50, for = "1m" }
        [[steps]]
        stairs = { rates = [1, 2.5, 5], each = "10s" }
        [[steps]]
        sawtooth = { low = 0, high = 20, period = "10s", times = 3 }
        [[steps]]
        trace = "load.csv"
        [[steps]]
        pause = "5s"
        [[steps]]
        kill = "worker"
        [[steps]]
        stop = "broker"
        [[steps]]
        start = "broker"
        [[steps]]
        mark = "peak"
        [[steps]]
        tune = { maxReplicas = 6, value = "80", behavior.scaleUp = { selectPolicy = "Min", policies = [
            { type = "Pods", value = 4, periodSeconds = 15 } ] } }
        "#,
    )
    .unwrap();
    let titles: Vec<String> = scenario.steps.iter().map(Step::title).collect();
    assert_eq!(
        titles,
        [
            "Only words.",
            "burst of 100",
            "wait for ready >= 4 within 30 s",
            "load 2.5/s",
            "hold 5/s for 10s",
            "ramp 0 to 50/s in 60s",
            "stairs of 3 rates for 30s",
            "sawtooth to 20/s, 3 times in 30s",
            "trace of 2 points for 60s",
            "pause of 5 s",
            "kill a worker",
            "stop broker",
            "start broker",
            "mark \"peak\"",
            "tune the HPA",
        ]
    );
    assert_eq!((scenario.name.as_str(), scenario.timeout.as_secs(), scenario.expect.len()), ("test", 180, 2));
    assert_eq!((scenario.hpa.max, scenario.hpa.down.window), (Some(4), Some(3)));
    assert_eq!(scenario.sandbox.sync_period, Duration::from_secs(1));
    let StepAction::Tune(settings) = &scenario.steps[14].action else { panic!("no tuning") };
    assert_eq!(settings.up.policies.as_ref().unwrap()[0].value, 4);
}

#[test]
fn each_mistake_has_its_line_and_field() {
    let problems = parsed(
        r#"tiemout = "3m"
settle = 20
expect = ["lost = 0", "raedy == 1", 5]
[sandbox]
sync_period = "1500ms"
[hpa]
minReplicas = 5
maxReplicas = 4
behavior.scaleDown.selectPolicy = "Most"
[[steps]]
burst = 0
[[steps]]
hold = { rate = "fast" }
[[steps]]
burst = 5
pause = "5s"
[[steps]]
stop = "brocker"
[[steps]]
trace = "other.csv"
[[steps]]
[[steps]]
stairs = { rates = [5, -1], each = "0s" }
[[steps]]
tune = {}
"#,
    )
    .unwrap_err();
    let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let expected = [
        "line 1, tiemout: there is no such field; did you mean timeout?",
        "line 2, settle: it is integer; it must be text in quotes",
        "line 3, expect[1]: \"lost = 0\" has no comparison; write it as `ready >= 8`",
        "line 3, expect[2]: \"raedy\" is no name; did you mean ready?; `surge run --list` prints all names",
        "line 3, expect[3]: it is integer; it must be text in quotes",
        "line 5, sandbox.sync_period: it must be whole seconds above 0s",
        "line 7, hpa.minReplicas: it is above maxReplicas, which is 4",
        "line 9, hpa.behavior.scaleDown.selectPolicy: \"Most\" is no policy; it must be Max, Min or Disabled",
        "line 11, steps[1].burst: it must be from 1 to 10000",
        "line 13, steps[2].hold.for: it is missing",
        "line 13, steps[2].hold.rate: it is string; it must be a number",
        "line 16, steps[3].pause: a step has one action, and this one has burst already",
        "line 18, steps[4].stop: \"brocker\" cannot be stopped; did you mean broker?; \
         the parts are exporter, prometheus, broker",
        "line 20, steps[5].trace: other.csv: no such file",
        "line 21, steps[6]: it needs one of burst, rate, hold, ramp, stairs, sawtooth, trace, pause, wait, \
         kill, stop, start, tune, mark, caption",
        "line 23, steps[7].stairs.each: it must be above 0s",
        "line 23, steps[7].stairs.rates[2]: it must be from 0 to 1000",
        "line 25, steps[8].tune: it changes nothing",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn no_toml_and_no_steps_are_problems() {
    let shown =
        |text| parsed(text).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(shown("name = ").starts_with("line 1: "), "{}", shown("name = "));
    assert_eq!(shown("name = 'x'"), "line 1, steps: a scenario needs one or more [[steps]]");
    let expected = "line 1, steps: a scenario needs one or more [[steps]]\n\
                    line 1, steps: it is integer; it must be a list in brackets";
    assert_eq!(shown("steps = 5"), expected);
}
