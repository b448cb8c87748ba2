from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.commands import commands_in, mentions_in, parse, unknown_words

CLUSTERS = Path(__file__).parents[2] / "jobs" / "clusters"

SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
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


def load(name: str):
    return yaml.safe_load((CLUSTERS / name).read_text())


@pytest.mark.parametrize("path", sorted(CLUSTERS.glob("*.yaml")), ids=lambda path: path.name)
def test_every_yaml_recipe_parses_and_says_that_it_was_not_run(path):
    assert isinstance(yaml.safe_load(path.read_text()), dict)
    assert "NOT YET RUN" in path.read_text()


def test_every_command_of_a_recipe_is_one_that_its_command_line_takes():
    found = {path.name: commands_in(path.read_text()) for path in CLUSTERS.iterdir()}
    assert {name for name, commands in found.items() if commands} == {
        "isaac-sim.compose.yaml",
        "ray-cluster.yaml",
        "rayjob.yaml",
        "render.sbatch",
    }
    for commands in found.values():
        assert [parse(command)["address"] for command in commands] in ([], ["auto"], ["1:1"])


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
    assert len(lines) == 2 and all("[render,farm]'" in line for line in lines)


def test_the_readme_names_every_recipe():
    recipes = {path.name for path in CLUSTERS.iterdir()} - {"README.md"}
    readme = (CLUSTERS / "README.md").read_text()
    assert [name for name in sorted(recipes) if f"`{name}`" not in readme] == []


def test_the_ray_cluster_lists_as_many_workers_as_it_expects():
    cluster = load("ray-cluster.yaml")
    assert cluster["provider"]["type"] == "local"
    assert cluster["min_workers"] == cluster["max_workers"] == len(cluster["provider"]["worker_ips"])


def test_every_pod_of_the_rayjob_mounts_the_shared_data_and_runs_one_image():
    spec = load("rayjob.yaml")["spec"]
    groups = [spec["rayClusterSpec"]["headGroupSpec"], *spec["rayClusterSpec"]["workerGroupSpecs"]]
    containers = [group["template"]["spec"]["containers"][0] for group in groups]
    assert len({container["image"] for container in containers}) == 1
    assert all({"name": "data", "mountPath": "/data"} in one["volumeMounts"] for one in containers)
    assert "--address auto" in spec["entrypoint"]


def test_every_isaac_container_has_one_gpu_and_caches_of_its_own():
    compose = load("isaac-sim.compose.yaml")
    devices, caches = [], []
    for service in compose["services"].values():
        assert service["environment"]["ACCEPT_EULA"].startswith("${ACCEPT_EULA:?")
        (device,) = service["deploy"]["resources"]["reservations"]["devices"]
        devices += device["device_ids"]
        caches += [volume.split(":")[0] for volume in service["volumes"] if not volume.startswith("$")]
    assert len(devices) == len(set(devices)) == len(compose["services"])
    assert sorted(caches) == sorted(compose["volumes"])


def test_the_slurm_script_is_valid_bash():
    subprocess.run(["bash", "-n", CLUSTERS / "render.sbatch"], check=True)


def test_the_slurm_script_starts_head_then_workers_then_driver_and_passes_its_exit_code_on(tmp_path):
    commands = {"srun": SRUN, "scontrol": SCONTROL, "hostname": HOSTNAME, "ray": RAY, "fsd-gen": FSD_GEN}
    for name, text in commands.items():
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    run_dir, log = tmp_path / "run", tmp_path / "log"
    env = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "LOG": str(log),
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NODELIST": "node[1-3]",
        "SLURM_CPUS_ON_NODE": "8",
    }
    script = ["bash", str(CLUSTERS / "render.sbatch"), str(run_dir), "5", "--spp", "4"]
    done = subprocess.run(script, env=env, capture_output=True, text=True, timeout=60)
    if "Address already in use" in done.stderr:
        pytest.skip("port 6379 is taken on this machine")
    assert done.returncode == 3, done.stderr
    head, *workers, driver = log.read_text().splitlines()
    assert head.startswith("ray token 32 start --head --node-ip-address=127.0.0.1 --port=6379 --num-cpus=8")
    assert workers == ["ray token 32 start --address=127.0.0.1:6379 --num-cpus=8 --block"] * 2
    assert driver == f"fsd-gen render --shards 5 --out {run_dir} --address 127.0.0.1:6379 --spp 4"
    assert parse(driver.split())["shards"] == 5
    assert list(run_dir.iterdir()) == []  # the token is gone
