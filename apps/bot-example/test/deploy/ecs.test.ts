import { readdirSync } from 'node:fs'
import { parse } from '@cdktf/hcl2json'
import { beforeAll, expect, it } from 'vitest'
import { appFolder, readText } from './manifests.ts'

interface Container {
  readonly command: readonly string[]
  readonly healthCheck: { readonly command: readonly string[] }
  readonly secrets: readonly { readonly name: string; readonly valueFrom: string }[]
}

/** Blocks by their names, and resources by their types before. */
type Blocks = Readonly<Record<string, readonly unknown[]>>

interface Module {
  readonly resource?: Readonly<Record<string, Blocks>>
  readonly variable?: Blocks
}

const modules: Record<string, Module> = {}
let container: Container

beforeAll(async () => {
  for (const file of readdirSync(`${appFolder}/deploy/ecs`)) {
    modules[file] = (await parse(file, readText(`deploy/ecs/${file}`))) as Module
  }
  const [task] = modules['main.tf']?.resource?.aws_ecs_task_definition?.bot ?? []
  const { container_definitions: text } = task as { readonly container_definitions: string }
  // The parser leaves calls of functions as they are, so what is between the brackets is parsed on its own.
  const list = /^\$\{jsonencode\((.*)\)\}$/s.exec(text)?.[1] ?? ''
  const { containers } = (await parse('containers.tf', `containers = ${list}`)) as {
    readonly containers: readonly Container[]
  }
  if (containers[0] === undefined) throw new Error('Cannot test the task: it has no container')
  container = containers[0]
})

it('is HCL, and a mistake in it would be found', async () => {
  expect(Object.keys(modules).toSorted()).toEqual([
    'main.tf',
    'outputs.tf',
    'variables.tf',
    'versions.tf',
  ])
  await expect(parse('a.tf', 'resource "a" {')).rejects.toThrow('Unclosed configuration block')
})

it('starts the image as the README says, with its configuration in KV', () => {
  expect(container.command.slice(0, 2)).toEqual(['--config', '${var.config_uri}'])
  expect(container.secrets).toEqual([
    { name: 'BOT_TOKEN', valueFrom: '${var.bot_token_secret_arn}' },
    { name: 'CLOUDFLARE_API_TOKEN', valueFrom: '${var.cloudflare_api_token_secret_arn}' },
  ])
})

it('runs without root and without a way to write', () => {
  expect(container).toMatchObject({
    user: '1000:1000',
    readonlyRootFilesystem: true,
    linuxParameters: { capabilities: { drop: ['ALL'] } },
    logConfiguration: { logDriver: 'awslogs' },
  })
})

it('is asked whether it lives as the image asks itself', () => {
  const [, check = ''] = /HEALTHCHECK .*\n +CMD (\[.*\])/.exec(readText('Dockerfile')) ?? []
  expect(container.healthCheck.command).toEqual(['CMD', ...(JSON.parse(check) as string[])])
  expect(check).toContain(':8080/liveness')
})

it('names variables that there are, each with a type and a description', () => {
  const variables = modules['variables.tf']?.variable ?? {}
  const used = [...readText('deploy/ecs/main.tf').matchAll(/var\.(\w+)/g)].map(([, name]) => name)
  expect([...new Set(used)].toSorted()).toEqual(Object.keys(variables).toSorted())
  for (const [variable] of Object.values(variables)) {
    expect(variable).toMatchObject({
      description: expect.any(String) as string,
      type: expect.any(String) as string,
    })
  }
})

it('lets the load balancer reach the port that the bot listens on', () => {
  const [service] = modules['main.tf']?.resource?.aws_ecs_service?.bot ?? []
  expect(service).toMatchObject({
    task_definition: '${aws_ecs_task_definition.bot.arn}',
    load_balancer: [{ container_name: 'bot', container_port: 8080 }],
  })
  expect(container).toMatchObject({ name: 'bot', portMappings: [{ containerPort: 8080 }] })
})
