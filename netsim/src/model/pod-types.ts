/** Pods, and what makes them, in their API shapes. */
import type { Condition, IntOrString, KubeObject, Labels, Protocol } from "./types.ts";

/** `protocol` is filled in (TCP). */
export interface ContainerPort {
  readonly name?: string;
  readonly containerPort: number;
  readonly hostPort?: number;
  readonly hostIP?: string;
  readonly protocol: Protocol;
}

/** A probe's network half; `httpGet` and `grpc` are told apart by their presence. */
export interface Probe {
  readonly httpGet?: {
    readonly port: IntOrString;
    readonly path?: string;
    readonly scheme?: string;
    readonly host?: string;
  };
  readonly tcpSocket?: { readonly port: IntOrString; readonly host?: string };
  readonly grpc?: { readonly port: number; readonly service?: string };
}

export interface Container {
  readonly name: string;
  readonly image?: string;
  readonly ports?: readonly ContainerPort[];
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly startupProbe?: Probe;
  readonly restartPolicy?: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  /** Literal values only; `index` is the place in the list as it is written. */
  readonly env?: readonly { readonly name: string; readonly value: string; readonly index: number }[];
  /** Names of ConfigMaps. */
  readonly envFrom?: readonly string[];
  /** The memory limit, as a quantity. */
  readonly resources?: string;
}

export interface Sysctl {
  readonly name: string;
  readonly value: string;
}

export interface PodDNSConfig {
  readonly nameservers?: readonly string[];
  readonly searches?: readonly string[];
  readonly options?: readonly { readonly name: string; readonly value?: string }[];
}

export interface PodSpec {
  readonly nodeName?: string;
  readonly hostNetwork?: boolean;
  readonly hostname?: string;
  readonly subdomain?: string;
  readonly dnsPolicy?: string;
  readonly dnsConfig?: PodDNSConfig;
  readonly hostAliases?: readonly { readonly ip: string; readonly hostnames?: readonly string[] }[];
  readonly serviceAccountName?: string;
  readonly nodeSelector?: Labels;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly securityContext?: { readonly sysctls?: readonly Sysctl[] };
  /** Names of the ConfigMaps that are mounted. */
  readonly volumes?: readonly string[];
}

/** A pod. `status.podIPs` has all its addresses, the first is `podIP`; a hostNetwork pod has its node's. */
export interface Pod extends KubeObject {
  readonly spec: PodSpec;
  readonly status: {
    readonly phase?: string;
    readonly reason?: string;
    readonly podIP?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly hostIP?: string;
    readonly hostIPs?: readonly { readonly ip: string }[];
    readonly conditions?: readonly Condition[];
  };
}

/** Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob: what Pods are made from when none are given. */
export interface Workload extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly template: {
      readonly metadata: { readonly labels: Labels; readonly annotations: Labels };
      readonly spec: PodSpec;
    };
  };
}
