/** Kubeconfigs, service accounts and `endpoint`: what is read from them, and what a request then goes out with. */
import t, { type Test } from "tap";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Access, readAccess } from "../../src/cluster/apiserver/access.ts";
import { createCredentials } from "../../src/cluster/apiserver/credentials.ts";
import { DNS_KINDS, follow, until } from "../support/cluster-follower.ts";
import { bookmark, refuse, send, startFakeApiServer } from "../support/fake-apiserver.ts";

const EMPTY = {
  ca: undefined,
  cert: undefined,
  key: undefined,
  token: undefined,
  serverName: undefined,
  insecure: false,
  headers: {},
  library: undefined,
};

interface Parts {
  cluster?: object;
  user?: object;
  context?: object;
  config?: object;
}

function kubeconfig(
  t: Test,
  { cluster, user, context, config }: Parts,
  files: Record<string, string> = {},
): string {
  const dir = t.testdir({ ...files });
  const file = join(dir, "config");
  const text = {
    clusters: [{ name: "c", cluster: { server: "https://k8s.example:6443", ...cluster } }],
    users: [{ name: "u", user: { ...user } }],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", ...context } }],
    "current-context": "x",
    ...config,
  };
  writeFileSync(file, JSON.stringify(text));
  return file;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");

t.test("kubeconfigs", (t) => {
  const cases: [string, Parts, Record<string, string>, (dir: string) => Partial<Access>][] = [
    ["a server alone", {}, {}, () => ({ server: "https://k8s.example:6443" })],
    [
      "a path prefix stays, its slash goes",
      { cluster: { server: "https://r.example/k8s/c-1/" } },
      {},
      () => ({ server: "https://r.example/k8s/c-1" }),
    ],
    [
      "no scheme, nothing to verify with",
      { cluster: { server: "127.0.0.1:8080" } },
      {},
      () => ({ server: "http://127.0.0.1:8080" }),
    ],
    [
      "no scheme, but a CA",
      { cluster: { server: "k8s.example:6443", "certificate-authority-data": base64("CA") } },
      {},
      () => ({ ca: { text: "CA" } }),
    ],
    ["a token", { user: { token: "abc" } }, {}, () => ({ token: { text: "abc" } })],
    [
      "a token's file wins",
      { user: { token: "abc", tokenFile: "t" } },
      { t: "def" },
      (dir) => ({ token: { file: join(dir, "t") } }),
    ],
    [
      "files are relative to the kubeconfig, data wins over files",
      {
        cluster: { "certificate-authority": "ca.pem" },
        user: { "client-certificate": "c.pem", "client-key": "k.pem", "client-key-data": base64("KEY") },
      },
      { "ca.pem": "CA", "c.pem": "CERT" },
      (dir) => ({
        ca: { file: join(dir, "ca.pem") },
        cert: { file: join(dir, "c.pem") },
        key: { text: "KEY" },
      }),
    ],
    [
      "verification",
      { cluster: { "insecure-skip-tls-verify": true, "tls-server-name": "kubernetes" } },
      {},
      () => ({ insecure: true, serverName: "kubernetes" }),
    ],
    [
      "a password",
      { user: { username: "me", password: "s:c" } },
      {},
      () => ({ headers: { authorization: `Basic ${base64("me:s:c")}` } }),
    ],
    [
      "impersonation",
      { user: { as: "bob", "as-uid": "7", "as-groups": ["g", "h"], "as-user-extra": { "a/B": ["1"] } } },
      {},
      () => ({
        headers: {
          "impersonate-user": "bob",
          "impersonate-uid": "7",
          "impersonate-group": ["g", "h"],
          "impersonate-extra-a%2fb": ["1"],
        },
      }),
    ],
  ];
  for (const [name, parts, files, expected] of cases) {
    t.test(name, (t) => {
      const file = kubeconfig(t, parts, files);
      const access = readAccess({ kind: "kubeconfig", file });
      t.match({ ...access }, { ...EMPTY, ...expected(join(file, "..")) });
      t.end();
    });
  }
  t.end();
});

t.test("another context than the current one", (t) => {
  const file = kubeconfig(t, {
    config: {
      clusters: [
        { name: "c", cluster: { server: "https://one" } },
        { name: "d", cluster: { server: "https://two" } },
      ],
      contexts: [
        { name: "x", context: { cluster: "c", user: "u" } },
        { name: "y", context: { cluster: "d" } },
      ],
    },
  });
  t.equal(readAccess({ kind: "kubeconfig", file }).server, "https://one");
  t.equal(readAccess({ kind: "kubeconfig", file, context: "y" }).server, "https://two", "without a user");
  t.throws(() => readAccess({ kind: "kubeconfig", file, context: "z" }), {
    message: `${file}: no context "z" (there: "x", "y")`,
  });
  t.end();
});

t.test("kubeconfigs that can't work are refused in one line that names the file", (t) => {
  const cases: [string, Parts, RegExp][] = [
    [
      "no current context",
      { config: { "current-context": undefined } },
      /no current-context: name a context/,
    ],
    ["no such cluster", { context: { cluster: "q" } }, /no cluster "q" \(there: "c"\)/],
    ["no such user", { context: { user: "q" } }, /no user "q" \(there: "u"\)/],
    ["no server", { cluster: { server: "" } }, /cluster "c" has no server/],
    ["no URL", { cluster: { server: "ftp://k8s" } }, /not the URL of an API server: "ftp:\/\/k8s"/],
    [
      "no such file in it",
      { user: { "client-key": "none.pem" } },
      /open .*none\.pem: no such file or directory/,
    ],
    ["lists that are none", { config: { contexts: 5 } }, /no context "x" \(there: none\)/],
  ];
  for (const [name, parts, message] of cases) {
    t.throws(() => readAccess({ kind: "kubeconfig", file: kubeconfig(t, parts) }), { message }, name);
  }
  const file = join(t.testdir({ bad: "a: b: c" }), "bad");
  t.throws(() => readAccess({ kind: "kubeconfig", file }), { message: /bad: not YAML: [^\n]+$/ });
  t.throws(() => readAccess({ kind: "kubeconfig", file: `${file}-none` }), {
    message: /no such file or directory$/,
  });
  t.end();
});

t.test("a pod's service account", (t) => {
  const directory = t.testdir({ token: "abc\n", "ca.crt": "CA" });
  const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "443" };
  t.same(readAccess({ kind: "in-cluster", env, directory }), {
    ...EMPTY,
    server: "https://[fd00::1]:443",
    ca: { file: join(directory, "ca.crt") },
    token: { file: join(directory, "token") },
  });
  t.throws(() => readAccess({ kind: "in-cluster", env: {}, directory }), {
    message:
      "unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined",
  });
  t.throws(() => readAccess({ kind: "in-cluster", env, directory: join(directory, "none") }), {
    message: /open .*none\/token: no such file or directory/,
  });
  t.end();
});

t.test("endpoint and tls", (t) => {
  const dir = t.testdir({ cert: "1", key: "2", ca: "3" });
  const [cert, key, ca] = ["cert", "key", "ca"].map((name) => join(dir, name)) as [string, string, string];
  t.same(readAccess({ kind: "endpoint", url: "http://localhost:8080/" }), {
    ...EMPTY,
    server: "http://localhost:8080",
  });
  t.same(readAccess({ kind: "endpoint", url: "https://k", tls: { cert, key, ca } }), {
    ...EMPTY,
    server: "https://k",
    cert: { file: cert },
    key: { file: key },
    ca: { file: ca },
  });
  t.throws(() => readAccess({ kind: "endpoint", url: "https://k", tls: { cert: `${cert}-none`, key } }), {
    message: /cert-none: no such file/,
  });
  t.end();
});

t.test("a token's file is read for every request, certificates when they have changed", async (t) => {
  const dir = t.testdir({ token: "one\n", ca: "-----BEGIN A" });
  let now = 0;
  const credentials = createCredentials(
    { ...EMPTY, server: "https://k", ca: { file: join(dir, "ca") }, token: { file: join(dir, "token") } },
    () => now,
  );
  const first = await credentials.next();
  t.same(first.headers, { authorization: "Bearer one" });
  writeFileSync(join(dir, "token"), "two\n");
  writeFileSync(join(dir, "ca"), "-----BEGIN B");
  const second = await credentials.next();
  t.same(second.headers, { authorization: "Bearer two" });
  t.equal(second.agent, first.agent, "within a minute");
  now = 61_000;
  const third = await credentials.next();
  t.not(third.agent, first.agent);
  now = 130_000;
  t.equal((await credentials.next()).agent, third.agent, "looked at, and the same");
  credentials.close();
});

t.test("a program that makes the credentials is run, by the client library", async (t) => {
  const api = await startFakeApiServer((request) => {
    if (request.headers.authorization !== "Bearer from-the-program")
      return refuse(request, 401, "Unauthorized");
    send(request, bookmark(3, true));
  });
  t.teardown(() => api.close());
  const status = { token: "from-the-program" };
  const credential = { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status };
  const exec = {
    apiVersion: "client.authentication.k8s.io/v1",
    command: process.execPath,
    args: ["-e", `console.log(${JSON.stringify(JSON.stringify(credential))})`],
    interactiveMode: "Never",
  };
  // The library sends no secrets over HTTP but where nothing is verified.
  const cluster = { server: api.url, "insecure-skip-tls-verify": true };
  const file = kubeconfig(t, { cluster, user: { exec } });
  t.same(readAccess({ kind: "kubeconfig", file }).library, { file, context: "x" });
  const follower = follow({ access: { kind: "kubeconfig", file } });
  t.teardown(() => follower.watch.close());
  await follower.synced();
});

t.test("after a 401 the file is read again, and the index goes on answering", async (t) => {
  let valid = "Bearer one";
  let refused = 0;
  const api = await startFakeApiServer((request) => {
    if (request.headers.authorization === valid) return send(request, bookmark(3, true));
    refused++;
    refuse(request, 401, "Unauthorized");
  });
  t.teardown(() => api.close());
  const dir = t.testdir({ token: "none" });
  const file = kubeconfig(t, { cluster: { server: api.url }, user: { tokenFile: join(dir, "token") } });
  writeFileSync(join(dir, "token"), "none");
  const follower = follow({ access: { kind: "kubeconfig", file } });
  t.teardown(() => follower.watch.close());
  await until(() => refused >= DNS_KINDS.length, 5000, "refusals");
  await until(() => follower.health("Service").error !== undefined, 2000, "an error");
  t.equal(follower.health("Service").error, "services: Unauthorized (401)");
  valid = "Bearer two";
  writeFileSync(join(dir, "token"), "two");
  await follower.synced();
});
