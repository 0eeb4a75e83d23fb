import js from "@eslint/js";
import { defineConfig } from "eslint/config";
import tseslint from "typescript-eslint";

const noAsyncHandler = {
  selector:
    ":matches(Property[key.name='answer'], MethodDefinition[key.name='answer']) > FunctionExpression[async=true], Property[key.name='answer'] > ArrowFunctionExpression[async=true]",
  message:
    "A handler must not be async: an answer that is in memory may not wait. Use `after` of the contract.",
};

export default defineConfig(
  { ignores: ["**/dist/", "**/node_modules/", ".cache/", ".tap/", "native/", "**/data/", "test/fixtures/"] },
  js.configs.recommended,
  tseslint.configs.recommended,
  {
    rules: {
      "no-control-regex": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/consistent-type-imports": "error",
    },
  },
  {
    files: ["**/*.mjs", "**/*.js"],
    languageOptions: {
      globals: {
        process: "readonly",
        console: "readonly",
        URL: "readonly",
        setTimeout: "readonly",
        clearTimeout: "readonly",
        Buffer: "readonly",
      },
    },
  },
  {
    files: ["src/**", "plugins/**"],
    rules: { "no-restricted-exports": ["error", { restrictDefaultExports: { direct: true, named: true } }] },
  },
  { files: ["plugins/**"], rules: { "no-restricted-syntax": ["error", noAsyncHandler] } },
);
