/** Writes the Corefile, at the start and whenever the template or the kube-dns ConfigMap have changed. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { NO_KUBE_DNS, renderCorefile, upstreamText, type KubeDns, type Placeholders } from "./corefile.ts";
import type { Journal } from "./journal.ts";
import { readKubeDns } from "./kube-dns.ts";

const USUAL_KUBE_DNS = "/etc/kube-dns";

export interface MakerOptions extends Placeholders {
  readonly template: string;
  readonly corefile: string;
  /** Empty: /etc/kube-dns, where that exists when the process starts. */
  readonly kubeDnsDirectory: string;
  /** What is wrong with a Corefile, if anything. */
  readonly check: (text: string) => Promise<string | undefined>;
}

/** Looks at both again; true where a new Corefile was written. Does not reject: what is wrong is in the journal, once. */
export type Maker = () => Promise<boolean>;

export function createMaker(options: MakerOptions, journal: Journal): Maker {
  const { template, corefile, check } = options;
  const directory = options.kubeDnsDirectory || (existsSync(USUAL_KUBE_DNS) ? USUAL_KUBE_DNS : "");
  if (directory === "")
    journal.write("info", "Skipping kube-dns configmap sync as no directory was specified");
  /** The last ConfigMap that was right. */
  let kubeDns = NO_KUBE_DNS;
  let written: string | undefined;
  const complaints = new Map<string, string>();

  /** A complaint of one kind is made when it is new. */
  const complain = (kind: string, text: string, counted: boolean): void => {
    if (complaints.get(kind) === text) return;
    complaints.set(kind, text);
    journal.error(text, counted ? "configmap" : undefined);
  };

  const readConfigMap = async (base: string): Promise<KubeDns> => {
    if (directory === "") return kubeDns;
    const result = readKubeDns(directory);
    const refuse = (error: string, unusable: boolean): KubeDns => {
      const what = unusable ? "Invalid config" : `Failed to sync kube-dns config directory ${directory}, err`;
      complain("kube-dns", `${what}: ${error}`, unusable);
      return kubeDns;
    };
    if ("error" in result) return refuse(result.error, result.unusable === true);
    // A ConfigMap must not end what would run without it.
    const added = await check(renderCorefile(base, options, result.config).text);
    if (added !== undefined && (await check(renderCorefile(base, options, NO_KUBE_DNS).text)) === undefined)
      return refuse(added, true);
    complaints.delete("kube-dns");
    return result.config;
  };

  return async () => {
    let base: string;
    try {
      base = readFileSync(template, "utf8");
      complaints.delete("template");
    } catch (error) {
      complain(
        "template",
        `Failed to read node-cache coreFile ${template} - ${systemText(error, template)}`,
        true,
      );
      return false;
    }
    kubeDns = await readConfigMap(base);
    const { text, warning } = renderCorefile(base, options, kubeDns);
    if (text === written) return false;
    if (warning !== undefined) journal.write("warning", warning);
    try {
      writeFileSync(corefile, text);
      complaints.delete("corefile");
    } catch (error) {
      complain(
        "corefile",
        `Failed to write config file ${corefile} - err ${systemText(error, corefile)}`,
        true,
      );
      return false;
    }
    written = text;
    const domains = Object.keys(kubeDns.stubDomains).length;
    journal.write(
      "info",
      `Updated Corefile with ${domains} custom stubdomains and upstream servers ${upstreamText(kubeDns)}`,
    );
    journal.write("info", `Using config file:\n${text}`);
    return true;
  };
}

function systemText(error: unknown, path: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return `open ${path}: ${code === "ENOENT" ? "no such file or directory" : message}`;
}
