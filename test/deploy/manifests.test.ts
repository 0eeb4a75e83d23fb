/** The manifests of deploy/, by a real API server: it takes them, and the servers that they start ask for nothing that they give no right to. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { loadAll } from "js-yaml";
import t from "tap";
import { registry } from "../../plugins/index.ts";
import { decodeMessage, encodeMessage } from "../../src/dns/codec.ts";
import { nameOf } from "../../src/dns/name.ts";
import { recordText } from "../../src/dns/records.ts";
import { CLASS } from "../../src/dns/rr.ts";
import { TYPE } from "../../src/dns/types.ts";
import { createServerCore } from "../../src/server/server.ts";
import { apply, pathOf, type Manifest } from "../support/apiserver-load.ts";
import { kubeconfigText, noApiServer, startApiServer, type ApiServer } from "../support/apiserver.ts";
import { root } from "../support/paths.ts";

const files = readdirSync(join(root, "deploy")).filter((name) => name.endsWith(".yaml"));
const manifests = (file: string): Manifest[] =>
  loadAll(readFileSync(join(root, "deploy", file), "utf8")) as Manifest[];

t.test("a real API server with RBAC", { skip: noApiServer, timeout: 120_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "deploy-"));
  t.teardown(() => rmSync(dir, { recursive: true, force: true }));
  const audit = join(dir, "audit.log");
  const rules = [{ level: "Metadata", omitStages: ["RequestReceived"] }];
  writeFileSync(
    join(dir, "policy.json"),
    JSON.stringify({ apiVersion: "audit.k8s.io/v1", kind: "Policy", rules }),
  );
  const api = await startApiServer({
    authorization: "RBAC",
    flags: [
      `--audit-policy-file=${dir}/policy.json`,
      `--audit-log-path=${audit}`,
      "--audit-log-mode=blocking",
    ],
  });
  t.teardown(() => api.close());

  await t.test("it takes every manifest", async (t) => {
    t.ok(files.length >= 4, files.join(", "));
    for (const file of files) {
      for (const manifest of manifests(file)) {
        // kubectl apply --server-side --dry-run=server --validate=strict
        const { status, body } = await api.request(
          "PATCH",
          `${pathOf(manifest)}?fieldManager=test&fieldValidation=Strict&dryRun=All`,
          manifest,
          { contentType: "application/apply-patch+yaml" },
        );
        const what = `${file}: ${manifest.kind} ${manifest.metadata.name}`;
        t.ok(status === 200 || status === 201, status < 300 ? what : `${what}: ${String(body.message)}`);
      }
    }
  });

  await t.test("the rights that they give are enough", async (t) => {
    const kinds = ["ServiceAccount", "ClusterRole", "ClusterRoleBinding"];
    for (const file of ["coredns.yaml", "node-cache.yaml", "node-cache-source.yaml"])
      for (const manifest of manifests(file)) if (kinds.includes(manifest.kind)) await apply(api, manifest);

    const servers = [
      { file: "coredns.yaml", account: "coredns" },
      { file: "node-cache-source.yaml", account: "node-local-dns" },
    ];
    await Promise.all(
      servers.map(async ({ file, account }) => {
        const log = await serveWith(api, file, account, dir);
        t.same(
          log,
          ["kubernetes.default.svc.cluster.local. 30 IN A 10.96.0.1"],
          `${file} answers, without an error`,
        );
      }),
    );
    const events = readFileSync(audit, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as AuditEvent);
    for (const { account } of servers) {
      const own = events.filter(
        ({ user }) => user.username === `system:serviceaccount:kube-system:${account}`,
      );
      const lists = own.filter(({ verb }) => verb === "list");
      t.ok(
        lists.length > 5,
        `${own.length} requests of ${account}, the ones that watch over the watches among them`,
      );
      const refused = own.filter(({ responseStatus }) => (responseStatus?.code ?? 200) >= 400);
      t.same(
        refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`),
        [],
        "none was refused",
      );
    }
  });
});

interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly responseStatus?: { readonly code: number };
}

/** Runs the Corefile of a manifest with an account's token for some seconds. Gives the answer for a name, and what the log has of errors and warnings. */
async function serveWith(api: ApiServer, file: string, account: string, dir: string): Promise<string[]> {
  const { body } = await api.request(
    "POST",
    `/api/v1/namespaces/kube-system/serviceaccounts/${account}/token`,
    { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
  );
  const kubeconfig = join(dir, `${account}.kubeconfig`);
  writeFileSync(kubeconfig, kubeconfigText(api.url, api.caFile, body.status.token as string));
  const config = manifests(file).find(({ kind }) => kind === "ConfigMap")!;
  const corefile = (config["data"] as { Corefile: string }).Corefile
    // Outside a pod it must be told where the API server is; what would open ports or ask others is left out.
    .replace(/(kubernetes [^{]*\{)/, `$1\n kubeconfig ${kubeconfig}`)
    .replaceAll("__PILLAR__LOCAL__DNS__", "127.0.0.1")
    .replaceAll("__PILLAR__UPSTREAM__SERVERS__", "127.0.0.1:1")
    .replaceAll(/^ *(prometheus|health|ready|loop|reload)\b(?: [^{\n]*)?(\{[^}]*\})?$/gm, "");
  const lines: string[] = [];
  const server = createServerCore({
    source: () => ({ text: corefile, file: "Corefile" }),
    registry,
    version: "test",
    listen: false,
    output: {
      write: (level, text) => void (level === "info" || lines.push(`${level}: ${text}`)),
      print: () => undefined,
      flush: () => undefined,
    },
  });
  try {
    await server.listen();
    const question = { name: nameOf("kubernetes.default.svc.cluster.local."), type: TYPE.A, class: CLASS.IN };
    const { bytes } = encodeMessage({ id: 1, flags: 0, question, answer: [], authority: [], additional: [] });
    const reply = decodeMessage((await server.exchange(bytes))!);
    if (reply.error === undefined) lines.push(...reply.answer.map(recordText));
    // So long that it has also asked whether its watches are still fresh.
    await sleep(6000);
    return lines;
  } finally {
    await server.close();
  }
}
