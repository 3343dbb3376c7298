//! Image archives are loaded by the program that made the cluster.

use crate::install::stand_ins::{LOADER, SHORT, SMALL, StandIns, run};
use crate::sandboxed::{Said, Sandbox};

#[test]
fn the_clusters_program_loads_images() {
    let sandbox = Sandbox::empty();
    let archives = tempfile::tempdir().unwrap();
    for name in ["producer.tar", "worker.tar"] {
        std::fs::write(archives.path().join(name), "").unwrap();
    }
    let folder = archives.path().to_str().unwrap();
    for (context, program, words, last) in [
        ("kind-demo", "kind", "load image-archive", "--name demo"),
        ("minikube", "minikube", "image load", "--profile minikube"),
        ("k3d-demo", "k3d", "image import", "--cluster demo"),
    ] {
        let stand_ins = StandIns::new(SMALL);
        let config = sandbox.called(context);
        let arguments =
            [&SHORT[..], &["--archives", folder, "--kubeconfig", config.to_str().unwrap()]].concat();
        run(&sandbox, &stand_ins, &arguments).failed(4, &["load ", &format!("{program} does not start")]);
        stand_ins.program(program, LOADER);
        run(&sandbox, &stand_ins, &arguments).failed(4, &["external metric"]);
        let asked = stand_ins.asked();
        for name in ["producer", "worker"] {
            let line = format!("{program} {words} {folder}/{name}.tar {last}");
            assert!(asked.lines().any(|asked| asked == line), "{line:?} is not in:\n{asked}");
        }
    }
}

#[test]
fn built_images_are_loaded() {
    let (sandbox, stand_ins) = (Sandbox::empty(), StandIns::new(SMALL));
    stand_ins.program("kind", LOADER);
    let clone = tempfile::tempdir().unwrap();
    let config = sandbox.called("kind-demo");
    let arguments = [&SHORT[..], &["--kubeconfig", config.to_str().unwrap()]].concat();
    let up = || Said::by(sandbox.surge(stand_ins.path(), &arguments).current_dir(clone.path()));
    let said = up().failed(4, &["external metric"]);
    assert!(said.out.contains("note: no images will be loaded"), "{}", said.out);
    std::fs::create_dir_all(clone.path().join("target/images")).unwrap();
    std::fs::write(clone.path().join("target/images/worker.tar"), "").unwrap();
    up().failed(4, &["external metric"]);
    let asked = stand_ins.asked();
    assert!(asked.contains("kind load image-archive target/images/worker.tar --name demo\n"), "{asked}");
}
