/** Changes of a live cluster, as recorded with CoreDNS, through a directory of manifests: files that come, change and go. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import yaml from "js-yaml";
import t from "tap";
import { playLive } from "../../conformance/kubernetes-live.ts";
import type { Manifest } from "../../support/apiserver-load.ts";

t.test("files that come, change and go", { timeout: 120_000 }, async (t) => {
  t.setTimeout(120_000);
  const path = t.testdir({});
  const fileOf = ({ kind, metadata: { namespace = "", name } }: Manifest): string =>
    join(path, `${kind}-${namespace}-${name}.yaml`);
  await playLive(t, {
    source: "manifests",
    path,
    apply(object) {
      const file = fileOf(object);
      writeFileSync(`${file}.new`, yaml.dump(object));
      renameSync(`${file}.new`, file);
    },
    // A namespace that ends is there until what is in it has gone.
    remove(object) {
      if (object.kind !== "Namespace") rmSync(fileOf(object));
    },
    finalize: (name) => rmSync(fileOf({ apiVersion: "v1", kind: "Namespace", metadata: { name } })),
  });
});
