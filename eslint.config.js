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

/** Files of `config` that only Node runs. */
const configInNode = [
  'packages/config/src/node.ts',
  'packages/config/src/{cli,lib/node}/**/*.ts',
  'packages/config/test/node/**/*.ts',
]

const noWorkersModule = {
  name: 'cloudflare:workers',
  message:
    'Only *-object.ts files and worker entries import it, so that everything else loads in Node.',
}

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
          paths: [noWorkersModule],
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
    files: ['packages/config/**/*.ts'],
    rules: {
      // It does not come to an end at ConfigTree, a type that is part of itself and has a class in it.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
    },
  },
  {
    files: ['packages/config/src/**/*.ts'],
    ignores: ['**/*.test.ts', '**/*-object.ts'],
    rules: {
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-restricted-imports': ['error', { paths: [noWorkersModule] }],
    },
  },
  {
    files: ['packages/config/src/**/*.ts'],
    ignores: [...configInNode, '**/*.test.ts', '**/*-object.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: [noWorkersModule],
          patterns: [
            {
              regex: '^node:',
              message:
                'What is imported by a Worker runs without Node: put it into lib/node or cli.',
            },
            {
              regex: '/(?:node|cli)/',
              message: 'lib/node and cli are above all the rest, and for Node alone.',
            },
          ],
        },
      ],
    },
  },
  // They have a project of their own, which is not the one that stands nearest to them.
  {
    files: configInNode,
    languageOptions: {
      parserOptions: {
        projectService: false,
        project: 'packages/config/tsconfig.node.json',
      },
    },
  },
  {
    files: [
      '{apps,workers,tools,e2e}/**/*.{ts,svelte}',
      'packages/{auth,config,database,core-services}/**/*.ts',
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
