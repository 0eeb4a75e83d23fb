/** `node:os` of a machine without a network. */
export const networkInterfaces = (): Record<string, never> => ({});
export const availableParallelism = (): number => 1;
export const hostname = (): string => "browser";
