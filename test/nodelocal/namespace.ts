/** A network namespace of a test's own, in which it is root: the node that node-cache sets up. */
import { spawnSync } from "node:child_process";
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
    ["--net", "--mount", "--fork", "--kill-child", process.execPath, ...process.execArgv, fileURLToPath(url)],
    { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, [INSIDE]: "1" } },
  );
  process.exit(done.status ?? 1);
}

/** What a command prints, both streams, without the last line end. */
export function sh(command: string, env: Readonly<Record<string, string>> = {}): string {
  const done = spawnSync("sh", ["-c", command], { encoding: "utf8", env: { ...process.env, ...env } });
  return `${done.stdout}${done.stderr}`.trimEnd();
}
