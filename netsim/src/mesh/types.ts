/** Several clusters side by side. */
import type { Path } from "../model/read.ts";
import { lineOf, objectName } from "../model/source.ts";
import type { Cluster, KubeObject } from "../model/types.ts";
import type { MeshConfig } from "./config.ts";

export interface MeshCluster {
  readonly name: string;
  readonly cluster: Cluster;
  readonly config: MeshConfig;
  /** Address ranges that nobody wrote down: dealt so that no two clusters have the same. */
  readonly invented: ReadonlySet<string>;
}

/** Something about the mesh to know; `code` is stable. An error keeps connections from working. */
export interface Finding {
  readonly severity: "error" | "warning" | "info";
  readonly code: string;
  readonly message: string;
  readonly remedy: string | null;
  /** Where it is seen; more than one place where clusters contradict each other. */
  readonly places: readonly Place[];
}

export interface Place {
  readonly cluster: string;
  readonly object: string | null;
  readonly file: string | null;
  readonly line: number | null;
}

/** Where an object, or a field of it, is written. */
export function placeIn({ name }: Pick<MeshCluster, "name">, object?: KubeObject, path: Path = []): Place {
  if (object === undefined) return { cluster: name, object: null, file: null, line: null };
  const { file } = object.source;
  return {
    cluster: name,
    object: objectName(object),
    file: file === "" ? null : file,
    line: file === "" ? null : lineOf(object.source, path),
  };
}

export const finding = (
  severity: Finding["severity"],
  code: string,
  message: string,
  places: readonly Place[],
  remedy: string | null = null,
): Finding => ({ severity, code, message, remedy, places });
