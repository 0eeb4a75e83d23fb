/** `npm start` serves what its banner proposes to try: each command is run with a real `dig`. */
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import t from "tap";
import { freePorts } from "../conformance/scenario.ts";
import { root } from "../support/paths.ts";

const dig = spawnSync("dig", ["-v"]).status === 0;

t.test(
  "the banner's dig commands",
  dig ? {} : { skip: "dig is not installed (Debian: bind9-dnsutils)" },
  async (t) => {
    const [port] = (await freePorts(1)) as [number];
    const child = spawn(process.execPath, [join(root, "scripts/start.mjs"), "--no-setup"], {
      cwd: root,
      env: { ...process.env, CLUSTERDNS_PORT: String(port) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.teardown(() => child.kill("SIGTERM"));
    const banner = await new Promise<string>((resolve, reject) => {
      let out = "";
      child.stdout.on("data", (chunk) => {
        out += String(chunk);
        if (out.includes("what does not exist")) resolve(out);
      });
      child.on("exit", () => reject(new Error(`it ended:\n${out}`)));
    });
    const commands = [...banner.matchAll(/^ {2}(dig .*?) {2,}(\S.*)$/gm)].map(([, command, what]) => ({
      command: command!,
      what: what!,
    }));
    t.ok(commands.length >= 8, "there are commands to try");
    for (const { command, what } of commands) {
      const [, ...args] = command.split(" ");
      const { stdout, status } = spawnSync("dig", args, { encoding: "utf8" });
      t.equal(status, 0, command);
      if (what === "what does not exist") t.match(stdout, /status: NXDOMAIN/, what);
      else t.match(stdout, /^\S+\s+\d+\s+IN\s+(A|AAAA|SRV|CNAME|PTR)\s+\S+/m, what);
    }
    const tcp = spawnSync(
      "dig",
      [`@127.0.0.1`, "-p", String(port), "+tcp", "+short", "web.shop.svc.cluster.local"],
      { encoding: "utf8" },
    );
    t.equal(tcp.stdout.trim(), "10.96.10.10", "over TCP");
  },
);
