"""Nginxes of ours, pinned to a core each, for what is measured with them."""
import os, shutil, signal, socket, subprocess, time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NGINX = os.environ.get("BENCH_NGINX", "/usr/sbin/nginx")
MODULE = os.environ.get("BENCH_MODULE", os.path.join(ROOT, "build", "ngx_http_mcp_sessions_module.so"))
CORES = sorted(os.sched_getaffinity(0))
CORE_NGINX, CORE_LOAD = str(CORES[0]), str(CORES[-1])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Nginx:
    """One nginx of ours, with one worker, pinned to a core."""

    def __init__(self, folder, name, core, main, http, callgrind=None, store=None):
        self.folder = os.path.join(folder, name)
        os.makedirs(self.folder, exist_ok=True)
        os.chmod(self.folder, 0o755)
        self.store = store or os.path.join(self.folder, "store")
        os.makedirs(self.store, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self.store, "www-data", "www-data")
        conf = os.path.join(self.folder, "nginx.conf")
        user = "user www-data;" if os.geteuid() == 0 else ""
        with open(conf, "w") as f:
            f.write(f"""{main}
{user if not callgrind else ''}
worker_processes 1; pid {self.folder}/pid; error_log {self.folder}/error.log notice;
worker_rlimit_nofile 65536;
events {{ worker_connections 50000; }}
http {{
    access_log off; keepalive_requests 1000000000; client_max_body_size 2m;
    client_body_temp_path {self.folder}/body; proxy_temp_path {self.folder}/proxy;
    fastcgi_temp_path {self.folder}/f; uwsgi_temp_path {self.folder}/u; scgi_temp_path {self.folder}/s;
{http.replace('%%STORE%%', self.store).replace('%%FOLDER%%', self.folder)}
}}
""")
        env = {k: v for k, v in os.environ.items() if k != "NGINX"}
        command = ["taskset", "-c", core]
        mode = "daemon off;"
        if callgrind:
            command += ["valgrind", "--tool=callgrind", f"--callgrind-out-file={callgrind}"]
            mode = "daemon off; master_process off;"
        self.process = subprocess.Popen(command + [NGINX, "-p", self.folder, "-c", conf, "-g", mode],
                                        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def wait(self, port, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            if self.process.poll() is not None:
                raise SystemExit("nginx did not start:\n" + self.process.stderr.read().decode())
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise SystemExit("nginx did not listen in time")

    def worker(self):
        children = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        return int(open(children).read().split()[0])

    def cpu_ns(self):
        """(event loop, whole worker) in nanoseconds."""
        pid = self.worker()
        loop = total = 0
        for tid in os.listdir(f"/proc/{pid}/task"):
            used = int(open(f"/proc/{pid}/task/{tid}/schedstat").read().split()[0])
            total += used
            if int(tid) == pid:
                loop = used
        return loop, total

    def rss_bytes(self):
        for line in open(f"/proc/{self.worker()}/status"):
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
        return 0

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.terminate()
                self.process.wait()
