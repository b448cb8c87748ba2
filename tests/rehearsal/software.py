"""What the recipes take for granted on a host: a Python, a package index, SSH keys, a token, our source.

Nothing is downloaded but the build tool: the packages that this test runs with stand in for the index's.
"""

from __future__ import annotations

import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from tests.rehearsal.hosts import UID, USER, Host

ROOT = Path(__file__).parents[2]
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
OURS = ("pip", "fsd_gen", "__editable__")  # what the hosts install themselves
TEMPLATE = f"/opt/fsd/lib/{PYTHON}/site-packages"
BUILD_TOOL = "setuptools>=77"


def gather(folder: Path) -> None:
    """Have in `folder` what hosts are shown at /opt/base: packages, an index, keys, a token."""
    _link_packages(folder / "packages")
    index = ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder / "index"), BUILD_TOOL]
    subprocess.run([sys.executable, *index], check=True)
    script = "from ray.scripts.scripts import main\nmain()\n"
    (folder / "bin").mkdir()
    base = Path(sys.base_prefix) / "bin" / PYTHON
    (folder / "python").write_text(
        f'#!/bin/sh\nexec {base} "$@"\n'
    )  # a link would look for a library beside it
    (folder / "bin" / "ray").write_text(f"#!{sys.executable}\n{script}")
    (folder / "ray").write_text(f"#!/opt/fsd/bin/python\n{script}")
    key = folder / "id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (folder / "auth_token").write_text(secrets.token_hex(16))
    for path in (folder / "bin" / "ray", folder / "ray", folder / "python"):
        path.chmod(0o755)


def _link_packages(folder: Path) -> None:
    """All that this Python has installed beside its own library, without this project."""
    folder.mkdir()
    (found,) = [
        path for path in map(Path, sys.path) if path.name == "site-packages" and (path / "ray").exists()
    ]
    for path in found.iterdir():
        if not path.name.startswith(OURS) and path.suffix != ".pth":
            (folder / path.name).symlink_to(path)


def copy_source(folder: Path) -> None:
    """What this project is built from."""
    names = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in names:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder)


def settle(host: Host) -> None:
    """Bring a host to where the recipes begin."""
    parents = {parent for prefix in (sys.prefix, sys.base_prefix) for parent in Path(prefix).parents}
    home, base = f"/home/{USER}", "/opt/base"
    steps = [
        f"chmod o+x {' '.join(map(str, parents))}",
        f"rm -f /usr/local/bin/{PYTHON} && cp {base}/python /usr/local/bin/{PYTHON}",
        f"mkdir -p {TEMPLATE} /opt/fsd/bin && cp {base}/ray /opt/fsd/bin/ray",
        f"find {sys.prefix}/lib/* -maxdepth 0 -not -name 'python*' -exec ln -s {{}} /opt/fsd/lib ';'",
        f"echo {base}/packages > {TEMPLATE}/base.pth && chown -R {USER} /opt/fsd",
        f"printf '[global]\\nno-index = true\\nfind-links = {base}/index\\n' > /etc/pip.conf",
        f"mkdir -p {home}/.ssh {home}/.ray && cp {base}/auth_token {home}/.ray",
        f"cp {base}/id_ed25519 {home}/.ssh",
        f"cp {base}/id_ed25519.pub {home}/.ssh/authorized_keys",
        f"chown -R {USER} {home} && chmod -R go= {home}/.ssh {home}/.ray",
    ]
    done = host.run(" && ".join(steps), user="root")
    if done.returncode:
        raise OSError(f"{host.name}: {done.stdout}")


def give(folder: Path) -> None:
    """Make what is shared between hosts their user's."""
    for path in [folder, *folder.rglob("*")]:
        shutil.chown(path, UID, UID)
