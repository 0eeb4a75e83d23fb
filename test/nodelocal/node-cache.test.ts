/** What node-cache does that the real one does not: each point of docs/node-cache.md that needs a node to be seen. */
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t from "tap";
import { nativeBinding } from "../../src/native/binding.ts";
import { enterNamespace, noNamespaces, sh } from "./namespace.ts";
import { records, rulesOf } from "./record.ts";
import { ask, start, type Running } from "./replay.ts";
import { clusterZone, resolverZone, serveZone } from "./upstreams.ts";

enterNamespace(import.meta.url);
t.setTimeout(120_000);

const skip = noNamespaces;
const native = noNamespaces || (nativeBinding().binding === undefined && nativeBinding().reason);
const STANDARD = records.find(({ id }) => id === "basic@nft")!.files["base/Corefile.base"]!;
const NAME = {
  name: "web.prod.svc.cluster.local.",
  type: "A",
  to: "169.254.20.10:53",
  proto: "udp",
} as const;
const ADDRESS = ["web.prod.svc.cluster.local. 30 IN A 10.96.12.34"];

interface Folder {
  readonly dir: string;
  write(name: string, text: string): void;
  /** Starts node-cache with its usual flags; `last` come after them, and count. */
  launch(last?: readonly string[], env?: Readonly<{ [name: string]: string }>): Running;
}

let folders = 0;

function folder(t: { teardown(done: () => void): void }, template = STANDARD): Folder {
  const dir = mkdtempSync(join(tmpdir(), "node-cache-"));
  const running: Running[] = [];
  const write = (name: string, text: string): void => {
    mkdirSync(join(dir, name, ".."), { recursive: true });
    writeFileSync(join(dir, name), text);
  };
  write("base/Corefile.base", template);
  t.teardown(() => {
    for (const { child } of running) child.kill("SIGKILL");
    sh("ip link del nodelocaldns; iptables -F; iptables -t raw -F");
    rmSync(dir, { recursive: true, force: true });
  });
  return {
    dir,
    write,
    launch(last = [], env = {}) {
      const own = String(++folders);
      const program = start(
        [
          ...["-localip", "169.254.20.10", "-conf", join(dir, `Corefile${own}`), "-pidfile", join(dir, own)],
          ...["-basecorefile", join(dir, "base/Corefile.base"), "-upstreamsvc", "kube-dns-upstream", ...last],
        ],
        { cwd: dir, env: { KUBE_DNS_UPSTREAM_SERVICE_HOST: "10.96.0.11", ...env } },
      );
      running.push(program);
      return program;
    },
  };
}

const serves = (program: Running): Promise<boolean> => program.says(/^CoreDNS-/m);
const hasRules = (): number => rulesOf(sh("iptables-save 2>/dev/null"))["raw"]?.length ?? 0;

/** The exit code of its end by SIGTERM. */
function end(program: Running): Promise<number> {
  program.child.kill("SIGTERM");
  return program.ended;
}

const asked = { udp: 0, tcp: 0 };
if (skip === false) {
  for (const address of ["10.96.0.11", "10.96.0.53"]) sh(`ip addr add ${address}/32 dev lo`);
  sh("mount -t tmpfs tmpfs /run; echo nameserver 10.96.0.53 > /run/resolv.conf");
  sh("mount --bind /run/resolv.conf /etc/resolv.conf");
  await serveZone("10.96.0.11", clusterZone, 0, asked);
  await serveZone("10.96.0.53", resolverZone);
}

t.test("the cluster's DNS is asked over TCP", { skip }, async (t) => {
  const program = folder(t).launch();
  t.ok(await serves(program));
  t.same((await ask(NAME)).answer, ADDRESS);
  t.equal(asked.udp, 0);
  t.ok(asked.tcp > 0);
  t.equal(await end(program), 0);
});

t.test(
  "a new process that can't start takes nothing from the one that serves",
  { skip: native },
  async (t) => {
    const first = folder(t);
    const old = first.launch();
    t.ok(await old.says(/--sport 8080 -j NOTRACK/));
    const fresh = folder(t, "nonsense {\n").launch();
    t.equal(await fresh.ended, 1);
    t.match(fresh.log(), /Taking over from the node-cache that serves/);
    t.same((await ask(NAME)).answer, ADDRESS, "it answers on");
    t.same((await ask({ ...NAME, proto: "tcp" })).answer, ADDRESS);
    t.equal(hasRules(), 8, "the rules are there");
    t.match(sh("ip addr show nodelocaldns"), /inet 169\.254\.20\.10\/32/, "the address too");
    t.equal(await end(old), 0);
    t.equal(hasRules(), 0);
    t.match(sh("ip link show nodelocaldns"), /does not exist/);
  },
);

t.test(
  "who has taken over ends: the one before ends too, to be started again",
  { skip: native },
  async (t) => {
    const { launch } = folder(t);
    const old = launch();
    t.ok(await serves(old));
    const fresh = launch();
    t.ok(await old.says(/Another process has taken over/));
    fresh.child.kill("SIGKILL");
    t.equal(await old.ended, 1);
    t.match(old.log(), /The process that took over has ended: ending, to be started again/);
  },
);

t.test("a start that fails leaves nothing behind", { skip }, async (t) => {
  sh("ip addr add 169.254.20.10/32 dev lo");
  const taken = createServer().listen({ port: 53, host: "169.254.20.10" });
  await once(taken, "listening");
  const program = folder(t).launch();
  t.equal(await program.ended, 1);
  t.match(program.log(), /Added interface - nodelocaldns/);
  t.match(program.log(), /listen tcp 169\.254\.20\.10:53: the address is in use/);
  t.match(sh("ip link show nodelocaldns"), /does not exist/);
  t.equal(hasRules(), 0);
  taken.close();
  sh("ip addr del 169.254.20.10/32 dev lo");
});

t.test("without the native socket a second process is refused", { skip }, async (t) => {
  const { launch } = folder(t);
  const off = { CLUSTERDNS_NATIVE: "off" };
  const old = launch([], off);
  t.ok(await serves(old));
  const fresh = launch([], off);
  t.equal(await fresh.ended, 1);
  t.match(
    fresh.log(),
    /\[WARNING\] The native socket is not there \(CLUSTERDNS_NATIVE=off\): no upgrade without an outage/,
  );
  t.match(fresh.log(), /listen tcp 169\.254\.20\.10:\d+: .*in use/);
  t.same((await ask(NAME)).answer, ADDRESS, "the first one answers on");
  t.equal(await end(old), 0);
});

const noNft = skip || (sh("nft --version").startsWith("nftables") ? false : "nft is needed");

t.test("where the node has nft and no iptables", { skip: noNft }, async (t) => {
  const { dir, launch } = folder(t);
  mkdirSync(join(dir, "bin"));
  for (const name of ["nft", "ip"]) symlinkSync(sh(`command -v ${name}`), join(dir, "bin", name));
  const program = launch(["-syncinterval", "1s"], { PATH: join(dir, "bin") });
  t.ok(await program.says(/Added back nodelocaldns rules/));
  const skip = 'notrack comment "NodeLocal DNS Cache: skip conntrack"';
  const wanted = `table inet clusterdns_nodelocal {
	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
		ip daddr 169.254.20.10 meta l4proto { tcp, udp } th dport 53 ${skip}
	}

	chain output {
		type filter hook output priority raw; policy accept;
		ip saddr 169.254.20.10 meta l4proto { tcp, udp } th sport 53 ${skip}
		ip daddr 169.254.20.10 meta l4proto { tcp, udp } th dport 53 ${skip}
		ip daddr 169.254.20.10 tcp dport 8080 ${skip}
		ip saddr 169.254.20.10 tcp sport 8080 ${skip}
	}
}`;
  t.equal(sh("nft list table inet clusterdns_nodelocal"), wanted);
  t.equal(hasRules(), 0, "iptables has none");
  t.same((await ask(NAME)).answer, ADDRESS);
  const said = program.log().length;
  sh("nft delete table inet clusterdns_nodelocal");
  t.ok(await program.says(/Added back nodelocaldns rules/, 5000, said), "what is removed comes back");
  t.equal(sh("nft list table inet clusterdns_nodelocal"), wanted);
  t.equal(await end(program), 0);
  t.match(sh("nft list table inet clusterdns_nodelocal"), /No such file or directory/);
});

t.test("-corefile counts, and a duration is a duration", { skip }, async (t) => {
  const { dir, launch } = folder(t);
  const program = launch(["-conf=", "-corefile", join(dir, "other"), "-syncinterval", "30s"]);
  t.ok(await serves(program));
  t.same((await ask(NAME)).answer, ADDRESS);
  t.match(sh(`cat ${dir}/other`), /bind 169\.254\.20\.10/);
  t.equal(await end(program), 0);
});

t.test("a reload by signal, and SIGUSR2", { skip }, async (t) => {
  const { launch } = folder(t);
  const program = launch();
  t.ok(await serves(program));
  program.child.kill("SIGUSR1");
  t.ok(await program.says(/SIGUSR1: Reloading[^]*Reloading complete/));
  program.child.kill("SIGUSR2");
  t.ok(await program.says(/SIGUSR2: start the new program beside this one/));
  t.same((await ask(NAME)).answer, ADDRESS, "it serves on");
  t.equal(await end(program), 0);
});

t.test("a source of the cluster in the template: a new Service is found at once", { skip }, async (t) => {
  const template = `cluster.local:53 {
    errors
    cache 30
    bind __PILLAR__LOCAL__DNS__
    kubernetes {
        manifests objects
    }
}
`;
  const { write, launch } = folder(t, template);
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: "prod" } };
  write("objects/namespace.json", JSON.stringify(namespace));
  const program = launch();
  t.ok(await serves(program));
  t.equal((await ask(NAME)).rcode, "NXDOMAIN");
  t.equal((await ask(NAME)).rcode, "NXDOMAIN", "from the cache");
  write(
    "objects/service.json",
    JSON.stringify({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "web", namespace: "prod" },
      spec: { clusterIP: "10.96.12.34", ports: [{ port: 80 }] },
    }),
  );
  let answer = await ask(NAME);
  // Directories are looked at in intervals; the negative answer would be kept for 30 seconds.
  for (let tries = 0; answer.rcode !== "NOERROR" && tries < 50; tries++) {
    await sleep(100);
    answer = await ask(NAME);
  }
  t.match(answer.answer, [/ IN A 10\.96\.12\.34$/]);
  t.equal(await end(program), 0);
});
