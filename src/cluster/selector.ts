/**
 * Label selectors in the text form of Kubernetes (k8s.io/apimachinery/pkg/labels), as the properties `labels` and
 * `namespace_labels` take them: requirements with commas between, all of which must hold.
 *
 *     app=web,env in (staging, qa),tier notin (db),exposure,!legacy
 */
export interface Selector {
  /** Canonical text, as an API server's `labelSelector` parameter takes it. */
  readonly text: string;
  matches(labels: Readonly<Record<string, string>> | undefined): boolean;
}

interface Requirement {
  readonly key: string;
  readonly op: "in" | "notin" | "exists" | "absent";
  readonly values: readonly string[];
}

/** The selector that `text` stands for, or `{ error }`: what is wrong, one line. `!=` is refused, as CoreDNS does. */
export function parseSelector(text: string): Selector | { readonly error: string } {
  const tokens =
    text.match(/\s+|!=|==|[=!,()<>]|[^\s=!,()<>]+/g)?.filter((token) => token.trim() !== "") ?? [];
  const requirements: Requirement[] = [];
  let at = 0;
  const next = (): string => tokens[at++] ?? "";
  const found = (token: string, expected: string): { error: string } => ({
    error: `found '${token}', expected: ${expected}`,
  });

  while (at < tokens.length) {
    const absent = tokens[at] === "!";
    if (absent) at++;
    const key = next();
    const wrong = wrongKey(key);
    if (wrong !== undefined) return { error: wrong };
    let token = next();
    if (absent || token === "" || token === ",") {
      if (token !== "" && token !== ",") return found(token, "',' or end of the selector");
      requirements.push({ key, op: absent ? "absent" : "exists", values: [] });
    } else {
      let op: Requirement["op"] = "in";
      let values: string[];
      if (token === "=" || token === "==") {
        const value = tokens[at] === undefined || tokens[at] === "," ? "" : next();
        values = [value];
        token = next();
      } else if (token === "in" || token === "notin") {
        op = token;
        values = [];
        if ((token = next()) !== "(") return found(token, "'('");
        do {
          token = next();
          const isValue = token !== "," && token !== ")" && token !== "";
          values.push(isValue ? token : "");
          if (isValue) token = next();
        } while (token === ",");
        if (token !== ")") return found(token, "',', ')' or identifier");
        token = next();
      } else if (token === "!=") {
        return { error: `"!=" is not a valid label selector operator` };
      } else {
        return found(token, "in, notin, =, ==");
      }
      const bad = values.find((value) => !isLabelValue(value));
      if (bad !== undefined) return { error: `not a label value: ${JSON.stringify(bad)}` };
      if (token !== "" && token !== ",") return found(token, "',' or end of the selector");
      requirements.push({ key, op, values });
    }
    if (token === "," && at >= tokens.length) return found("", "identifier after ','");
  }
  return selectorOf(requirements);
}

function selectorOf(requirements: readonly Requirement[]): Selector {
  return {
    text: requirements.map(requirementText).join(","),
    matches: (labels = {}) => requirements.every((requirement) => holds(requirement, labels)),
  };
}

function holds({ key, op, values }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (op) {
    case "in":
      return value !== undefined && values.includes(value);
    case "notin":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
  }
}

function requirementText({ key, op, values }: Requirement): string {
  if (op === "exists") return key;
  if (op === "absent") return `!${key}`;
  return op === "in" && values.length === 1 ? `${key}=${values[0]!}` : `${key} ${op} (${values.join(",")})`;
}

/** Syntax of label keys and values: kubernetes.io/docs/concepts/overview/working-with-objects/labels. */
const NAME = /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/;

const isLabelValue = (text: string): boolean => text === "" || NAME.test(text);

function wrongKey(key: string): string | undefined {
  if (key === "" || /^[=!,()<>]/.test(key)) return `found '${key}', expected: !, identifier`;
  const slash = key.indexOf("/");
  const prefix = key.slice(0, Math.max(slash, 0));
  const isKey =
    NAME.test(key.slice(slash + 1)) && (slash < 0 || (prefix.length <= 253 && PREFIX.test(prefix)));
  return isKey ? undefined : `not a label key: ${JSON.stringify(key)}`;
}
