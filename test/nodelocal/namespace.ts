/** A network namespace of a test's own, in which it is root: the node that node-cache sets up. */
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const INSIDE = "CLUSTERDNS_TEST_NAMESPACE";

/** Why tests can't have namespaces here, for tap's `skip`; false where they can. */
export const noNamespaces: string | false = (() => {
  if (process.env[INSIDE] === "1") return false;
  const tried = spawnSync("unshare", [
    "--net",
    "--mount",
    "sh",
    "-c",
    "ip link set lo up && iptables --version",
  ]);
  if (tried.status === 0) return false;
  const why = String(tried.stderr ?? "").trim() || "there is no unshare";
  return `network namespaces, ip and iptables are needed, as root: ${why}`;
})();

/**
 * Runs the test file again inside a namespace, and ends with its exit code; inside, where `lo` is up, it returns. Outside it returns
 * only where there can be none.
 */
export function enterNamespace(url: string): void {
  if (noNamespaces !== false) return;
  if (process.env[INSIDE] === "1") {
    sh("ip link set lo up");
    return;
  }
  const done = spawnSync(
    "unshare",
    [
      "--net",
      "--mount",
      "--fork",
      "--kill-child",
      process.execPath,
      ...process.execArgv,
      fileURLToPath(url),
      ...process.argv.slice(2),
    ],
    { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, [INSIDE]: "1" } },
  );
  process.exit(done.status ?? 1);
}

/** What a command prints, both streams, without the last line end. */
export function sh(command: string, env: Readonly<Record<string, string>> = {}): string {
  const done = spawnSync("sh", ["-c", command], { encoding: "utf8", env: { ...process.env, ...env } });
  return `${done.stdout}${done.stderr}`.trimEnd();
}

/** A second namespace, a pod's, with one interface: its default route is to us. Gives the process id that holds it; it goes with this process. */
export function makePod(address: string, gateway: string): number {
  const holder = spawn("unshare", ["--net", "--kill-child", "--fork", "sleep", "infinity"], {
    stdio: "ignore",
  });
  holder.unref();
  process.on("exit", () => holder.kill("SIGKILL"));
  // The one that sleeps is unshare's child: both are in the new namespace.
  const pid = holder.pid!;
  const own = sh("readlink /proc/self/ns/net");
  for (let tries = 0; tries < 200 && sh(`readlink /proc/${pid}/ns/net`) === own; tries++) sh("sleep 0.01");
  sh(`ip link add node0 type veth peer name pod0 && ip link set pod0 netns ${pid}`);
  sh(`ip addr add ${gateway}/24 dev node0 && ip link set node0 up`);
  const inside = (command: string): string => sh(`nsenter -t ${pid} -n ${command}`);
  inside("ip link set lo up");
  inside(`ip addr add ${address}/24 dev pod0`);
  inside("ip link set pod0 up");
  inside(`ip route add default via ${gateway}`);
  return pid;
}
