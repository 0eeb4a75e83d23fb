/** Corefiles as a chain plays them. */
import { readFileSync } from "node:fs";
import { packageFile } from "../package-files.ts";

/** Where the chain's world outside is; any address but the cluster DNS's would do. */
const OUTSIDE = "198.18.0.53";

/** The text with the node's resolvers as upstreams where it names a resolv.conf, which is not this machine's. */
export const playable = (corefile: string): string => corefile.replaceAll("/etc/resolv.conf", OUTSIDE);

export const kubeadm = (): string => readFileSync(packageFile("corefiles/kubeadm"), "utf8");
export const nodelocal = (): string => readFileSync(packageFile("corefiles/nodelocal"), "utf8");

/** The first line of a `kubernetes` block, and all of the block. */
const KUBERNETES = /^([ \t]*)kubernetes\b[^\n{]*(\{[^}]*\})?/m;

/** Whether a server block answers for a cluster. */
export const hasKubernetes = (corefile: string): boolean => KUBERNETES.test(corefile);

/** With `autopath @kubernetes`, and `pods verified`, which it needs. */
export function withAutopath(corefile: string): string {
  return corefile.replace(KUBERNETES, (block: string, indent: string) => {
    const verified = /\bpods\s+\w+/.test(block)
      ? block.replace(/\bpods\s+\w+/, "pods verified")
      : block.includes("{")
        ? block.replace("{", `{\n${indent}   pods verified`)
        : `${block} {\n${indent}   pods verified\n${indent}}`;
    return `${indent}autopath @kubernetes\n${verified}`;
  });
}

/** With `searchpath`. `extra`: search domains of the nodes. */
export const withSearchpath = (corefile: string, extra: readonly string[]): string =>
  corefile.replace(
    KUBERNETES,
    (block: string, indent: string) =>
      `${indent}searchpath {\n${indent}   extra ${extra.join(" ")}\n${indent}}\n${block}`,
  );
