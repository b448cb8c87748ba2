from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from jobs.pool_text import pools_of
from tests.commands import commands_in, mentions_in, parse, unknown_words

REHEARSED = ("ray-cluster.yaml",)  # by tests/rehearsal
RAYJOBS = ("rayjob.yaml", "rayjob-pools.yaml", "isaac-sim.rayjob.yaml")
SCRIPTS = ("render.sbatch", "isaac-sim.sbatch")
ROOT = Path(__file__).parents[2]
CLUSTERS = ROOT / "jobs" / "clusters"
IMAGE = CLUSTERS / "Dockerfile"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())

SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do options+=("$1"); shift; done
echo "${options[*]} $1" >> "$LOG.steps"
if [[ ${BROKEN:-} && ${options[*]} == *"--nodelist=$BROKEN"* ]]; then
    echo "ray: no disk for a raylet"
    exit 7
fi
exec "$@"
"""
SCONTROL = "#!/bin/bash\nprintf '%s\\n' node1 node2 node3\n"
HOSTNAME = "#!/bin/bash\necho 127.0.0.1 fe80::1\n"
RAY = """#!/bin/bash
echo "ray $RAY_AUTH_MODE $(wc -c < "$RAY_AUTH_TOKEN_PATH") $*" >> "$LOG"
[[ $* == *--head* ]] || exec sleep 60
exec python3 -c 'import socket, sys, time
port = socket.create_server(("127.0.0.1", 6379)); time.sleep(60)'
"""
FSD_GEN = '#!/bin/bash\nsleep 1\necho "fsd-gen $*" >> "$LOG"\nexit 3\n'


JOB_FIELDS = """activeDeadlineSeconds backoffLimit clusterSelector entrypoint entrypointNumCpus
    entrypointNumGpus entrypointResources jobId metadata rayClusterSpec runtimeEnvYAML
    shutdownAfterJobFinishes submissionMode submitterConfig submitterPodTemplate suspend
    ttlSecondsAfterFinished"""
CLUSTER_FIELDS = """authOptions autoscalerOptions enableInTreeAutoscaling gcsFaultToleranceOptions
    headGroupSpec headServiceAnnotations rayVersion suspend workerGroupSpecs"""
AUTOSCALER_FIELDS = "env envFrom idleTimeoutSeconds image resources securityContext upscalingMode version"
HEAD_FIELDS = "enableIngress headService labels rayStartParams resources serviceType template"
WORKER_FIELDS = """groupName idleTimeoutSeconds labels maxReplicas minReplicas numOfHosts rayStartParams
    replicas resources scaleStrategy suspend template"""


def load(name: str):
    return yaml.safe_load((CLUSTERS / name).read_text())


@pytest.mark.parametrize("path", sorted(CLUSTERS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_yaml_recipe_parses_and_says_if_it_was_not_run(path):
    assert isinstance(yaml.safe_load(path.read_text()), dict)
    assert ("NOT YET RUN" in path.read_text()) is not (path.name in REHEARSED)


def test_every_command_of_a_recipe_is_one_that_its_command_line_takes():
    found = {path.name: commands_in(path.read_text()) for path in CLUSTERS.iterdir()}
    assert {name for name, commands in found.items() if commands} == {
        "Dockerfile",
        "README.md",
        "gpu-ray-cluster.yaml",
        "isaac-sim.compose.yaml",
        "isaac-sim.rayjob.yaml",
        "isaac-sim.sbatch",
        "ray-cluster.yaml",
        "rayjob-pools.yaml",
        "rayjob.yaml",
        "render.sbatch",
    }
    for name, commands in found.items():
        told = [parse(command) for command in commands]
        assert [each["address"] for each in told] in ([], ["auto"], ["1:1"], [None])
        if name.startswith(("isaac", "gpu")):
            assert all(each["backend"] == "replicator" and each["gpus_per_worker"] == 1 for each in told)


def test_what_the_recipes_mention_in_their_texts_exists():
    mentions = [mention for path in CLUSTERS.iterdir() for mention in mentions_in(path.read_text())]
    assert mentions and [unknown_words(mention) for mention in mentions] == [[]] * len(mentions)


def test_a_recipe_that_installs_this_project_takes_the_extras_that_it_runs_with():
    lines = [
        line
        for path in CLUSTERS.iterdir()
        for line in path.read_text().splitlines()
        if "/pip install" in line
    ]
    assert len(lines) == 3 and all("[render,farm]'" in line for line in lines)


def test_the_readme_names_every_recipe():
    recipes = {path.name for path in CLUSTERS.iterdir()} - {"README.md"}
    readme = (CLUSTERS / "README.md").read_text()
    assert [name for name in sorted(recipes) if f"`{name}`" not in readme] == []


@pytest.mark.parametrize("name", ["ray-cluster.yaml", "gpu-ray-cluster.yaml"])
def test_a_ray_cluster_lists_as_many_workers_as_it_expects_and_fits_rays_schema(name):
    cluster = load(name)
    util = pytest.importorskip("ray.autoscaler._private.util")
    util.validate_config(util.prepare_config(cluster))
    assert cluster["provider"]["type"] == "local"
    assert cluster["min_workers"] == cluster["max_workers"] == len(cluster["provider"]["worker_ips"])


@pytest.mark.parametrize(("failing", "starts", "code"), [(0, 1, 0), (2, 3, 0), (9, 3, 1)])
@pytest.mark.parametrize("name", ["ray-cluster.yaml", "gpu-ray-cluster.yaml"])
def test_a_machine_whose_ray_does_not_start_has_three_tries_and_then_says_so(
    tmp_path, name, failing, starts, code
):
    log = tmp_path / "log"
    stand_in = f'echo "$1" >> {log}; [ "$1" = stop ] || [ $(grep -c start {log}) -gt {failing} ]'
    for program, text in {"ray": stand_in, "nvidia-smi": "echo 'GPU 0'"}.items():
        (tmp_path / program).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / program).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    for command in load(name)["worker_start_ray_commands"]:  # as Ray does it
        told = ["bash", "-c", f"({command.replace('ulimit -n 65536', ':')})"]
        done = subprocess.run(told, env={"PATH": path, "RAY_HEAD_IP": "10.0.0.1"})
    assert done.returncode == code
    assert log.read_text().split() == ["stop", *["start", "stop"] * starts][: 2 * starts + bool(code)]


@pytest.mark.parametrize("name", RAYJOBS)
def test_every_pod_of_a_rayjob_mounts_the_shared_data_and_runs_one_image(name):
    spec = load(name)["spec"]
    groups = [spec["rayClusterSpec"]["headGroupSpec"], *spec["rayClusterSpec"]["workerGroupSpecs"]]
    containers = [group["template"]["spec"]["containers"][0] for group in groups]
    assert len({container["image"] for container in containers}) == 1
    assert all({"name": "data", "mountPath": "/data"} in one["volumeMounts"] for one in containers)
    assert "--address auto" in spec["entrypoint"]


def keys_beyond(known: str, found: dict[str, object]) -> set[str]:
    return set(found) - set(known.split())


@pytest.mark.parametrize("name", RAYJOBS)
def test_a_rayjob_has_no_field_that_kuberay_does_not_know_and_asks_for_a_token(name):
    """The fields of `ray.io/v1` in KubeRay 1.5.1 that recipes may use, from its Go types."""
    job = load(name)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    assert not keys_beyond(JOB_FIELDS, job["spec"])
    cluster = job["spec"]["rayClusterSpec"]
    assert not keys_beyond(CLUSTER_FIELDS, cluster)
    assert not keys_beyond(AUTOSCALER_FIELDS, cluster.get("autoscalerOptions", {}))
    assert not keys_beyond(HEAD_FIELDS, cluster["headGroupSpec"])
    assert cluster["authOptions"] == {"mode": "token"}
    for group in cluster["workerGroupSpecs"]:
        assert not keys_beyond(WORKER_FIELDS, group)
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())


def test_the_pools_of_a_rayjob_have_nodes_with_their_labels_and_room_for_their_workers():
    spec = load("rayjob-pools.yaml")["spec"]
    cluster = spec["rayClusterSpec"]
    told = parse(shlex.split(spec["entrypoint"]))
    pools = pools_of(told["pool"])
    groups = {group["groupName"]: group for group in cluster["workerGroupSpecs"]}
    assert {(pool.name, pool.kind) for pool in pools} == {("gpu", "replicator"), ("cpu", "mitsuba")}
    assert cluster["enableInTreeAutoscaling"] is True
    for pool in pools:
        group = groups[pool.name]
        assert group["labels"] == dict([pool.needs.label.split("=")])
        assert pool.workers == group["maxReplicas"] * int(group["rayStartParams"]["num-cpus"])
        pod = group["template"]["spec"]
        assert pod["terminationGracePeriodSeconds"] >= 120 and pod["tolerations"]
    head = cluster["headGroupSpec"]["template"]["spec"]
    assert "tolerations" not in head and head["securityContext"]["runAsUser"] == 1234


def test_every_isaac_pod_has_one_gpu_and_the_user_of_the_image_and_takes_the_licence_from_its_user():
    (group,) = load("isaac-sim.rayjob.yaml")["spec"]["rayClusterSpec"]["workerGroupSpecs"]
    pod = group["template"]["spec"]
    assert set(pod["securityContext"].values()) == {1234} and group["rayStartParams"] == {"num-cpus": "1"}
    (container,) = pod["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    environ = {each["name"]: each for each in container["env"]}
    assert "valueFrom" in environ["ACCEPT_EULA"] and "valueFrom" in environ["OMNI_KIT_ACCEPT_EULA"]
    assert environ["NVIDIA_DRIVER_CAPABILITIES"]["value"] == "all"
    mounted = {each["name"] for each in container["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_image_has_the_user_the_folders_of_the_caches_and_no_licence():
    text = (CLUSTERS / "isaac-sim.Dockerfile").read_text()
    assert "USER 1234:1234" in text and "HEALTHCHECK NONE" in text and "ENTRYPOINT []" in text
    assert re.search(r"^ENV (.*\\\n)*.*NVIDIA_DRIVER_CAPABILITIES=all", text, re.M)
    assert not re.search(r"^(ENV|ARG|RUN).*EULA", text, re.M)
    made = set(re.search(r"for folder in ((?:.*\\\n)*.*); do", text).group(1).replace("\\", "").split())
    compose = load("isaac-sim.compose.yaml")
    caches = {
        volume.split(":")[1].removeprefix("/isaac-sim/")
        for service in compose["services"].values()
        for volume in service["volumes"]
        if not volume.startswith("$")
    }
    assert caches == made


def instructions(path: Path, name: str) -> list[str]:
    """What follows `name` in a recipe of an image, each in one line, without comments and mounts."""
    text = re.sub(r"^#.*\n", "", path.read_text(), flags=re.M).replace("\\\n", " ")
    return [re.sub(r"--mount=\S+\s+", "", found) for found in re.findall(rf"^{name} (.*)$", text, re.M)]


@pytest.mark.parametrize("path", sorted(CLUSTERS.glob("*Dockerfile")), ids=lambda path: path.name)
def test_the_steps_of_an_image_are_valid_bash_and_pass_hadolint(path):
    steps = instructions(path, "RUN")
    assert steps
    for step in steps:
        subprocess.run(["bash", "-n", "-c", step], check=True)
    if hadolint := shutil.which("hadolint"):
        subprocess.run([hadolint, path], check=True)


def test_the_image_installs_the_wheel_with_what_a_node_needs_and_runs_as_nobody_in_particular():
    build, install = (step for step in instructions(IMAGE, "RUN") if step.startswith("pip "))
    assert build.startswith("pip wheel ") and "--no-deps --wheel-dir /wheels ." in build
    assert "--constraint /constraints.txt" in install
    assert """/wheels/fsd_gen-*.whl)[render,farm,s3,az]" 'ray[default]'""" in install
    assert instructions(IMAGE, "USER") == ["1000:1000"]
    assert instructions(IMAGE, "VOLUME") == ["/assets"] and "FSD_ASSETS_DIR=/assets" in IMAGE.read_text()


def test_the_image_bears_the_version_of_this_project_and_its_licence():
    project = PROJECT["project"]
    assert f"VERSION={project['version']}" in instructions(IMAGE, "ARG")
    assert f"-t fsd-gen:{project['version']} ." in IMAGE.read_text()
    assert f'image.licenses="{project["license"]}"' in IMAGE.read_text()


def test_images_are_built_from_the_packages_and_from_nothing_else_of_a_checkout():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    taken = {line.removeprefix("!") for line in lines if line.startswith("!")}
    packages = {name.rstrip("*") for name in PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]}
    assert "*" in lines
    assert taken == packages | {"LICENSE", "README.md", "constraints.txt", "pyproject.toml"}


@pytest.mark.parametrize(
    ("processes", "healthy"),
    [
        ([], False),
        ([("python", "running")], False),
        ([("raylet", "zombie")], False),
        ([("raylet", "stopped")], False),
        ([("python", "running"), ("raylet", "sleeping")], True),
    ],
)
def test_a_container_is_healthy_while_a_ray_lives_in_it(processes, healthy, monkeypatch):
    psutil = pytest.importorskip("psutil")
    (check,) = instructions(IMAGE, "HEALTHCHECK")
    program, option, code = json.loads(check.split("CMD ", 1)[1])
    assert (program, option) == ("python", "-c")
    listed = [SimpleNamespace(name=lambda n=name: n, status=lambda s=status: s) for name, status in processes]
    monkeypatch.setattr(psutil, "process_iter", lambda: listed)
    with pytest.raises(SystemExit) as ended:
        exec(code, {})
    assert bool(ended.value.code) is not healthy


def test_every_isaac_container_has_one_gpu_and_caches_of_its_own():
    compose = load("isaac-sim.compose.yaml")
    devices, caches = [], []
    for service in compose["services"].values():
        assert service["environment"]["ACCEPT_EULA"].startswith("${ACCEPT_EULA:?")
        assert service["user"] == "1234:1234"
        (device,) = service["deploy"]["resources"]["reservations"]["devices"]
        devices += device["device_ids"]
        caches += [volume.split(":")[0] for volume in service["volumes"] if not volume.startswith("$")]
    assert len(devices) == len(set(devices)) == len(compose["services"])
    assert sorted(caches) == sorted(compose["volumes"])


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_slurm_script_is_valid_bash(name):
    subprocess.run(["bash", "-n", CLUSTERS / name], check=True)
    if shellcheck := shutil.which("shellcheck"):
        subprocess.run([shellcheck, "--exclude=SC2016,SC2329", CLUSTERS / name], check=True)


def run_on_slurm(tmp_path: Path, name: str, **environ: str) -> tuple[Path, list[str]]:
    """The run folder and what was started, in order."""
    commands = {"srun": SRUN, "scontrol": SCONTROL, "hostname": HOSTNAME, "ray": RAY, "fsd-gen": FSD_GEN}
    for command, text in commands.items():
        (tmp_path / command).write_text(text)
        (tmp_path / command).chmod(0o755)
    run_dir, log = tmp_path / "run", tmp_path / "log"
    env = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "LOG": str(log),
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NODELIST": "node[1-3]",
        "SLURM_CPUS_ON_NODE": "8",
        **environ,
    }
    script = ["bash", str(CLUSTERS / name), str(run_dir), "5", "--spp", "4"]
    done = subprocess.run(script, env=env, capture_output=True, text=True, timeout=60)
    if "Address already in use" in done.stderr:
        pytest.skip("port 6379 is taken on this machine")
    assert done.returncode == 3, done.stderr
    (tmp_path / "said").write_text(done.stderr)
    assert list(run_dir.iterdir()) == []  # the token is gone
    return run_dir, log.read_text().splitlines()


def test_the_slurm_script_starts_head_then_workers_then_driver_and_passes_its_exit_code_on(tmp_path):
    run_dir, (head, *workers, driver) = run_on_slurm(tmp_path, "render.sbatch")
    assert (tmp_path / "said").read_text() == ""
    assert head.startswith("ray token 32 start --head --node-ip-address=127.0.0.1 --port=6379 --num-cpus=8")
    assert workers == ["ray token 32 start --address=127.0.0.1:6379 --num-cpus=8 --block"] * 2
    assert driver == f"fsd-gen render --shards 5 --out {run_dir} --address 127.0.0.1:6379 --spp 4"
    assert parse(driver.split())["shards"] == 5


def test_a_node_of_a_slurm_job_whose_ray_does_not_start_is_named_with_its_last_lines_and_the_others_go_on(
    tmp_path,
):
    _, (head, worker, driver) = run_on_slurm(tmp_path, "render.sbatch", BROKEN="node2")
    assert (tmp_path / "said").read_text().splitlines() == [
        "node node2 takes no part: its Ray ended with exit code 7, and last said",
        "    ray: no disk for a raylet",
    ]
    assert "--head" in head and "--address=" in worker and driver.startswith("fsd-gen render")


def test_the_slurm_script_starts_every_step_with_all_cpus_and_if_wanted_in_a_container(tmp_path):
    run_on_slurm(tmp_path, "render.sbatch")
    steps = [line for line in (tmp_path / "log.steps").read_text().splitlines() if "hostname" not in line]
    assert len(steps) == 4 and all("--cpus-per-task=8 " in step for step in steps)
    assert not any("container" in step for step in steps)
    (tmp_path / "log.steps").unlink()
    run_dir, _ = run_on_slurm(tmp_path, "render.sbatch", FSD_IMAGE="image#fsd-gen:0.4.0")
    steps = [line for line in (tmp_path / "log.steps").read_text().splitlines() if "hostname" not in line]
    mounts = f"--container-mounts={run_dir}:{run_dir},{tmp_path}/assets:/assets,/tmp:/tmp"
    assert len(steps) == 4
    assert all("--container-image=image#fsd-gen:0.4.0" in step and mounts in step for step in steps)


def test_the_slurm_script_for_isaac_sim_starts_a_worker_with_one_gpu_and_a_home_of_its_own(tmp_path):
    told = {"SLURM_GPUS_ON_NODE": "2", "FSD_ISAAC_IMAGE": "image", "ACCEPT_EULA": "Y", "SLURM_LOCALID": "1"}
    run_dir, (head, worker, driver) = run_on_slurm(tmp_path, "isaac-sim.sbatch", **told)
    assert "start --head --node-ip-address=127.0.0.1 --port=6379 --num-cpus=0 --num-gpus=0" in head
    assert worker == "ray token 32 start --address=127.0.0.1:6379 --num-cpus=1 --num-gpus=1 --block"
    (home,) = (tmp_path / "isaac-caches").iterdir()
    assert home.name.endswith("-1")
    expected = "fsd-gen render --shards 5 --backend replicator --gpus-per-worker 1 --out"
    assert driver == f"{expected} {run_dir} --address 127.0.0.1:6379 --spp 4"
    assert parse(driver.split())["gpus_per_worker"] == 1


def test_the_slurm_script_for_isaac_sim_accepts_no_licence_by_itself(tmp_path):
    told = {"SLURM_GPUS_ON_NODE": "2", "FSD_ISAAC_IMAGE": "image", "PATH": os.environ["PATH"]}
    script = ["bash", str(CLUSTERS / "isaac-sim.sbatch"), str(tmp_path / "run"), "5"]
    done = subprocess.run(script, env=told, capture_output=True, text=True)
    assert done.returncode and "if you accept the licence of Isaac Sim" in done.stderr
