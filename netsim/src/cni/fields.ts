/** Reading objects that have no type here. */
import type { Cluster, OtherObject } from "../model/types.ts";

export type Fields = Readonly<Record<string, unknown>>;

export const fields = (value: unknown): Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};

export const items = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A non-empty string, or a number or boolean as one. */
export const text = (value: unknown): string | undefined =>
  typeof value === "string"
    ? value === ""
      ? undefined
      : value
    : typeof value === "number" || typeof value === "boolean"
      ? String(value)
      : undefined;

/** A number above zero, also as a string (ConfigMaps). */
export const positive = (value: unknown): number | undefined => {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number > 0 ? number : undefined;
};

export const isTrue = (value: unknown): boolean => value === true || value === "true";

export const others = (cluster: Cluster, kind: string): readonly OtherObject[] =>
  cluster.others.get(kind) ?? [];

export const configMap = (cluster: Cluster, name: string): OtherObject | undefined =>
  others(cluster, "ConfigMap").find((m) => m.metadata.name === name);
