"""Containers of podman without a network or a registry: the programs and packages are those of this machine.

A test cannot download the official image of Python. `Containers.base` makes a stand-in of the same form: a
user root, Python and pip in /usr/local, and nothing of the project. The interpreter, the programs of the
system and the dependencies are mounted; what pip installs, and what a container writes, is its own.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSING = shutil.which("podman") is None or os.geteuid() != 0
SERVICE = "server"
"""The name of a service for the containers that share its network."""
_VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
_SYSTEM_FOLDERS = ("/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/share")
_SITE = Path(sysconfig.get_path("purelib"))
_PIP = "#!/usr/local/bin/python\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
_PIP_SETTINGS = "[global]\nno-index = true\nfind-links = /wheels\ndisable-pip-version-check = true\n"
_SYSTEM_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
    "etc/group": "root:x:0:\nusers:x:100:\n",
    "etc/hosts": f"127.0.0.1 localhost {SERVICE}\n",
    "etc/nsswitch.conf": "hosts: files\n",
    "etc/shadow": "root:*:1:0:99999:7:::\n",
}


class Containers:
    """Builds images and runs containers, with a storage of its own below a folder."""

    def __init__(self, home: Path) -> None:
        self._home = home
        folders = {"--root": "root", "--runroot": "run", "--tmpdir": "tmp"}
        self._podman = [
            "podman", *(f"{option}={home / name}" for option, name in folders.items()),
            "--storage-driver=overlay", "--cgroup-manager=cgroupfs", "--events-backend=none",
        ]  # fmt: skip
        if shutil.which("runc"):
            # crun, the default of some systems, refuses machines with both versions of cgroups.
            self._podman.append("--runtime=runc")
        # What podman asks for by default may be more than this process is allowed to pass on.
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        files = 1024 if hard == resource.RLIM_INFINITY else min(hard, 1024)
        self._limits = ["--no-hosts", f"--ulimit=nofile={files}:{files}", "--ulimit=nproc=1024:1024"]
        prefix = Path(sys.base_prefix)
        shared = [Path(name) for name in _SYSTEM_FOLDERS if Path(name).is_dir()]
        if not any(prefix.is_relative_to(folder.parent) for folder in shared):
            shared.append(prefix)
        self._mounts = [f"--volume={folder}:{folder}:ro" for folder in shared]
        self._mounts.append(f"--volume={_SITE}:/opt/site-packages:ro")

    def base(self, name: str, wheel: Path) -> None:
        """Make the image with the interpreter; pip finds this wheel only."""
        root = self._home / "base"
        for folder in ("tmp", "root", "etc", "wheels", "usr/local/bin", "opt/dependencies"):
            (root / folder).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        for folder in ("bin", "sbin", "lib", "lib64"):
            (root / folder).symlink_to(f"usr/{folder}")
        packages = root / "usr/local/lib" / _VERSION / "site-packages"
        packages.mkdir(parents=True)
        (packages / "dependencies.pth").write_text("/opt/dependencies\n", encoding="utf-8")
        for entry in _SITE.iterdir():
            # pip installs the project itself; what starts with every interpreter does so by a `.pth`.
            if "cohere_conformance" not in entry.name and entry.suffix != ".pth":
                (root / "opt/dependencies" / entry.name).symlink_to(f"/opt/site-packages/{entry.name}")
        interpreter = Path(sys.base_prefix) / "bin" / _VERSION
        texts = _SYSTEM_FILES | {
            "etc/pip.conf": _PIP_SETTINGS,
            "usr/local/pyvenv.cfg": f"home = {interpreter.parent}\n",
            "usr/local/bin/pip": _PIP,
        }
        for path, text in texts.items():
            (root / path).write_text(text, encoding="utf-8")
        (root / "usr/local/bin/pip").chmod(0o755)
        (root / "usr/local/bin/python").symlink_to(interpreter)
        shutil.copy(wheel, root / "wheels")
        archive = self._home / "base.tar"
        with tarfile.open(archive, "w") as file:
            file.add(root, arcname=".")
        path = "ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        self._call("import", "--change", path, str(archive), name)

    def build(self, folder: Path, name: str) -> str:
        """Build the Dockerfile of a folder; return what is printed."""
        done = self._call(
            "build",
            "--isolation=chroot",
            "--network=host",
            "--pull=never",
            *self._mounts,
            "--tag",
            name,
            str(folder),
        )
        return done.stdout + done.stderr

    def run(self, options: Sequence[str], image: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a container until it ends, without a network unless options say otherwise."""
        network = [] if any(one.startswith("--network") for one in options) else ["--network=none"]
        given = [*self._limits, *self._mounts, *network, *options]
        return self._call("run", "--rm", *given, image, *command, check=False)

    def start(self, image: str, *command: str) -> str:
        """Start a container without a network, which stays; return its id."""
        given = [*self._limits, *self._mounts, "--network=none"]
        return self._call("run", "--detach", *given, image, *command).stdout.strip()

    def wait_for(self, container: str, text: str) -> None:
        """Wait until a started container has printed a line with a text."""
        command = [*self._podman, "logs", "--follow", container]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as logs:
            assert logs.stdout is not None
            lines: list[str] = []
            for line in logs.stdout:
                lines.append(line)
                if text in line:
                    logs.terminate()
                    return
        raise AssertionError(f"expected a line with {text!r}, got: {''.join(lines)}")

    def close(self) -> None:
        """Remove every container and image of this storage."""
        self._call("rm", "--all", "--force", "--time=0", check=False)
        self._call("rmi", "--all", "--force", check=False)
        if (storage := self._home / "root" / "overlay").is_mount():
            subprocess.run(["umount", storage], check=True)

    def _call(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*self._podman, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        assert not check or done.returncode == 0, f"podman {arguments[0]}: {done.stdout}{done.stderr}"
        return done
