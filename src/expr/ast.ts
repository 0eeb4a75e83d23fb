/** An expression as a tree. `at`: where a node's first word, or its operator, stands in the source. */
export type Node = { readonly at: number } & (
  | { readonly kind: "constant"; readonly value: bigint | number | string | boolean | null }
  | { readonly kind: "name"; readonly name: string }
  /** `#`, or with a name `#index` and `#acc`. */
  | { readonly kind: "pointer"; readonly name: string }
  | { readonly kind: "unary"; readonly operator: string; readonly operand: Node }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Node; readonly right: Node }
  /** `object.key` and `object[key]`; `optional`: with `?.`. */
  | { readonly kind: "member"; readonly object: Node; readonly key: Node; readonly optional: boolean }
  /** Where the way through optional members ends: nil from there. */
  | { readonly kind: "chain"; readonly node: Node }
  | {
      readonly kind: "slice";
      readonly object: Node;
      readonly from: Node | undefined;
      readonly to: Node | undefined;
    }
  | { readonly kind: "call"; readonly callee: Node; readonly args: readonly Node[] }
  | { readonly kind: "builtin"; readonly name: string; readonly args: readonly Node[] }
  /** What a builtin such as `filter` does with each element. */
  | { readonly kind: "predicate"; readonly body: Node }
  | { readonly kind: "let"; readonly name: string; readonly value: Node; readonly body: Node }
  | { readonly kind: "sequence"; readonly nodes: readonly Node[] }
  | { readonly kind: "if"; readonly test: Node; readonly then: Node; readonly otherwise: Node }
  | { readonly kind: "array"; readonly items: readonly Node[] }
  | { readonly kind: "map"; readonly pairs: readonly { readonly key: Node; readonly value: Node }[] }
);
