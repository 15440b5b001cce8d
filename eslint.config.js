import js from '@eslint/js'
import svelte from 'eslint-plugin-svelte'
import globals from 'globals'
import tseslint from 'typescript-eslint'

const typeChecked = {
  languageOptions: {
    parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
  },
}

/** Folders of `cloudflare-clients/src/lib` that may be imported by every other one. */
const sharedModules = ['kv', 'shared']
const clientModules = [
  'cache',
  'coordination',
  'feature-flags',
  'kv-http',
  'r2',
  'session',
  'rate-limiter',
]

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/.svelte-kit/**',
      '**/.wrangler/**',
      '**/.local/**',
      '**/coverage/**',
      '**/worker-configuration.d.ts',
    ],
  },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    ...typeChecked,
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
      // `expect(client.method)` and structural fakes of bindings take methods apart on purpose.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['packages/cloudflare-clients/src/**/*.ts'],
    ignores: ['**/*.test.ts', '**/*-object.ts'],
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: 'cloudflare:workers',
              message:
                'Only *-object.ts files and worker entries import it, so that everything else loads in Node.',
            },
          ],
        },
      ],
    },
  },
  // A module of the library imports its own files, kv and shared, never a sibling.
  ...clientModules.map((module) => ({
    files: [`packages/cloudflare-clients/src/lib/${module}/**/*.ts`],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: clientModules
            .filter((other) => other !== module)
            .map((other) => ({
              group: [`**/${other}/**`],
              message: `lib/${module} may import only its own files, ${sharedModules.join(' and ')}.`,
            })),
        },
      ],
    },
  })),
  {
    files: ['packages/cloudflare-clients/src/lib/{kv,shared}/**/*.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          patterns: clientModules.map((module) => ({
            group: [`**/${module}/**`],
            message: 'kv and shared are below every client.',
          })),
        },
      ],
    },
  },
  {
    files: [
      '{apps,workers,tools,e2e}/**/*.{ts,svelte}',
      'packages/{auth,database,core-services}/**/*.ts',
    ],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              group: ['@codex/*/src/*', '@codex/*/src/**'],
              message: 'Import the published subpaths.',
            },
          ],
        },
      ],
    },
  },
  svelte.configs.recommended,
  {
    files: ['**/*.svelte', '**/*.svelte.ts'],
    languageOptions: {
      globals: globals.browser,
      parserOptions: {
        projectService: true,
        extraFileExtensions: ['.svelte'],
        parser: tseslint.parser,
      },
    },
  },
  {
    files: ['**/*.{js,mjs}', 'tools/**/*.ts', 'e2e/**/*.ts'],
    languageOptions: { globals: globals.node },
  },
)
