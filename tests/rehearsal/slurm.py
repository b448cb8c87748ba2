"""A real Slurm on the hosts of the rehearsal: Debian's, with munge; the head controls and computes."""

from __future__ import annotations

import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import yaml

from tests.rehearsal.farm import FARM, RECIPE, SHARED, TINY, Farm
from tests.rehearsal.hosts import Host, awaited
from tests.rehearsal.software import PYTHON, ROOT

DAEMONS = ("munged", "slurmctld", "slurmd")
WHY_NOT = (
    f"not installed: {lacking} (Debian: apt-get install slurmctld slurmd slurm-client munge)"
    if (lacking := ", ".join(name for name in DAEMONS if not shutil.which(name, path="/usr/sbin:/usr/bin")))
    else ""
)
CONF = f"""ClusterName=rehearsal
SlurmctldHost=head
SlurmUser=slurm
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=15
StateSaveLocation=/var/lib/slurm/slurmctld
SlurmdSpoolDir=/var/lib/slurm/slurmd
SlurmctldLogFile=/tmp/slurmctld.log
SlurmdLogFile=/tmp/slurmd.log
NodeName={",".join(FARM)} CPUs={os.cpu_count()} RealMemory=6000
PartitionName=all Nodes=ALL Default=YES State=UP
"""
CGROUP = "echo CgroupPlugin=cgroup/v1 > /etc/slurm/cgroup.conf"  # looked for, and not used
MUNGE = "install -d -o munge -g munge /run/munge /var/log/munge && runuser -u munge -- /usr/sbin/munged"


def start_slurm(farm: Farm) -> None:
    """This project installed on every host, as the recipe for SSH does it, and Slurm with all nodes idle."""
    setup = yaml.safe_load((ROOT / "jobs" / "clusters" / RECIPE).read_text())["setup_commands"][:3]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda name: _prepare(farm.hosts[name], setup), FARM))
    _done(farm.hosts["head"], "/usr/sbin/slurmctld")
    for name in FARM:
        _done(farm.hosts[name], "/usr/sbin/slurmd")
    idle = rf"{len(FARM)}\s+idle"
    awaited(lambda: re.search(idle, farm.hosts["head"].run("sinfo").stdout), "no node is idle", 60.0, 1.0)


def _prepare(host: Host, setup: list[str]) -> None:
    for command in setup:
        _done(host, command.replace("python3.11", PYTHON), user="render")
    _done(host, f"cat > /etc/slurm/slurm.conf <<'END'\n{CONF}END\n{CGROUP} && {MUNGE}")


def _done(host: Host, command: str, user: str = "root") -> str:
    done = host.run(command, user=user)
    assert done.returncode == 0, f"{host.name}: {command}: {done.stdout}"
    return done.stdout


def submit(farm: Farm, name: str, options: str = "") -> str:
    """`sbatch render.sbatch` as its first lines say; the id of the job."""
    script = f"{SHARED}/source/jobs/clusters/render.sbatch"
    told = f"{SHARED}/{name} {TINY.removeprefix('--shards ')} --cpus-per-worker {os.cpu_count()}"
    text = _done(
        farm.hosts["head"],
        f"cd {SHARED} && PATH=/opt/fsd/bin:$PATH sbatch --nodes={len(FARM)} {options} {script} {told}",
        user="render",
    )
    return text.split()[-1]


def state(farm: Farm, job: str) -> dict[str, str]:
    """What Slurm says of a job."""
    text = farm.hosts["head"].run(f"scontrol --oneliner show job {job}").stdout
    return dict(pair.split("=", 1) for pair in text.split() if "=" in pair)


def await_state(farm: Farm, job: str, wanted: str) -> dict[str, str]:
    """Until the job is in the state."""
    said = f"job {job} is not {wanted}"
    awaited(lambda: state(farm, job).get("JobState") == wanted, said, 900.0, 3.0)
    return state(farm, job)
