/** Each check on a cluster that is broken in this one way: found, alone, and gone once its advice is followed. */
import { loadAll } from "js-yaml";
import t from "tap";
import { applyChanges } from "../../src/doctor/apply.ts";
import { CHECKS } from "../../src/doctor/checks.ts";
import { doctor } from "../../src/doctor/doctor.ts";
import { follow, type Followed } from "../../src/doctor/follow.ts";
import { parseSysctls } from "../../src/doctor/node/sysctl.ts";
import type { Diagnosis, DoctorOptions } from "../../src/doctor/types.ts";
import { loadFiles, loadObjects, loadText } from "../../src/model/load.ts";
import { broken, folders, read } from "./support.ts";

const ids = ({ findings }: Diagnosis): readonly string[] => findings.map((f) => f.id);
const told = ({ findings }: Diagnosis): readonly string[] => findings.map((f) => `${f.id}: ${f.message}`);

t.test("there is a broken cluster for each check", (t) => {
  t.same(
    folders().filter((name) => name !== "healthy"),
    CHECKS.map((c) => c.id.slice(3)).sort(),
  );
  t.equal(new Set(CHECKS.map((c) => c.id)).size, CHECKS.length, "ids are told apart");
  t.end();
});

for (const check of CHECKS) {
  const name = check.id.slice(3);
  t.test(check.id, async (t) => {
    const { cluster, options, sysctls, after } = broken(name);
    const loaded = loadFiles([cluster]);
    t.same(
      loaded.problems.filter((p) => p.severity === "error"),
      [],
      "the input is understood",
    );
    const diagnosis = await doctor(loaded, options);
    t.same(ids(diagnosis), [check.id], told(diagnosis).join("\n"));
    t.same(diagnosis.failures, []);
    const [finding] = diagnosis.findings;
    if (finding === undefined) return;
    t.ok(finding.at.file === cluster || finding.at.file === sysctls, "it says in which file");
    t.ok((finding.at.line ?? 0) > 0, "and in which line");
    t.ok(finding.evidence.length > 0, "it has evidence");
    t.ok(finding.subjects.length > 0 && finding.fix.text !== "", "it says whom it concerns and what to do");

    if (after !== undefined) {
      const healed = await doctor(loadFiles([after]), options);
      t.same(told(healed), [], "silent after what it says to do");
      return;
    }
    const followed = follow(diagnosis.findings, read);
    t.same(followed.left, [], "the advice is a change of the input");
    const healed = await doctor(textOf(followed, cluster), afterFix(options, followed, sysctls));
    t.same(told(healed), [], "silent once it has been followed in the files");
    t.same(healed.failures, []);

    const objects = applyChanges(loadAll(read(cluster)), finding.fix.changes);
    t.ok(objects, "and the same by its patches");
    const patched = await doctor(
      loadObjects((objects ?? []).filter((o) => o !== null && o !== undefined)),
      afterFix(options, followed, sysctls),
    );
    t.same(told(patched), [], "silent once the patches are applied");
  });
}

/** All that is in the files now, new ones too. */
function textOf({ files }: Followed, cluster: string) {
  const own = files.find((f) => f.name === cluster)?.after ?? read(cluster);
  const others = files.filter((f) => f.name !== cluster && f.name.endsWith(".yaml")).map((f) => f.after);
  const loaded = loadText([own, ...others].join("\n---\n"));
  return loaded;
}

function afterFix(options: DoctorOptions, { files }: Followed, sysctls: string): DoctorOptions {
  const text = files.find((f) => f.name === sysctls)?.after;
  return text === undefined ? options : { ...options, sysctls: parseSysctls(text, sysctls) };
}

t.test("a healthy cluster is silent", async (t) => {
  const { cluster, options } = broken("healthy");
  const diagnosis = await doctor(loadFiles([cluster]), { ...options, flows: 500, nic: 1500 });
  t.same(told(diagnosis), []);
  t.same(diagnosis.failures, []);
  t.equal(diagnosis.checks.length, CHECKS.length);
});
