/** Short ways to write clusters for the doctor. */
import t from "tap";
import { doctor } from "../../src/doctor/doctor.ts";
import type { DoctorOptions } from "../../src/doctor/types.ts";
import { loadObjects } from "../../src/model/load.ts";
import { networkPolicy, pod } from "../policy/make.ts";

/** What is found, each check once; every check must have come to its end. */
export async function ids(
  objects: readonly object[],
  options: DoctorOptions = {},
): Promise<readonly string[]> {
  const { findings, failures } = await doctor(loadObjects(objects), options);
  t.same(failures, []);
  return [...new Set(findings.map((f) => f.id))].sort();
}

export const web = pod("shop/web", { app: "web" }, "10.244.1.5");
export const db = pod("shop/db", { app: "db" }, "10.244.1.6", {
  ports: [{ containerPort: 5432, protocol: "TCP" }],
});

/** The web pod may connect only so. */
export const egress = (...rules: object[]) =>
  networkPolicy("shop/web", {
    podSelector: { matchLabels: { app: "web" } },
    policyTypes: ["Egress"],
    egress: rules,
  });
export const toDb = { to: [{ podSelector: { matchLabels: { app: "db" } } }] };
export const dnsPods = { namespaceSelector: {}, podSelector: { matchLabels: { "k8s-app": "kube-dns" } } };
