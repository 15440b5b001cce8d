import { readdirSync } from 'node:fs'
import { type IDeployment, Deployment } from 'kubernetes-models/apps/v1'
import { type IPodDisruptionBudget, PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import {
  ConfigMap,
  type IConfigMap,
  type ISecret,
  type IService,
  Secret,
  Service,
} from 'kubernetes-models/v1'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { appFolder, findTypeErrors, manifestTypes, readManifest, readText } from './manifests.ts'

// `findTypeErrors` proves that they are.
const configMap = readManifest('configmap') as IConfigMap
const deployment = readManifest('deployment') as IDeployment
const budget = readManifest('disruption-budget') as IPodDisruptionBudget
const secret = readManifest('secret') as ISecret
const service = readManifest('service') as IService
const pod = deployment.spec?.template.spec
const container = pod?.containers[0]

it('fits the schemas of Kubernetes', () => {
  const models = [
    new ConfigMap(configMap),
    new Deployment(deployment),
    new PodDisruptionBudget(budget),
    new Secret(secret),
    new Service(service),
  ]
  for (const model of models) {
    expect(() => {
      model.validate()
    }).not.toThrow()
  }
  const wrong = { ...service, spec: { ports: [{ port: 'http' as unknown as number }] } }
  expect(() => {
    new Service(wrong).validate()
  }).toThrow('must be integer')
})

it('has no field that Kubernetes does not know', () => {
  const misspelt = { ...service, spec: { ...service.spec, sessionAfinity: 'None' } }
  const errors = findTypeErrors([
    ['configmap', configMap],
    ['deployment', deployment],
    ['disruption-budget', budget],
    ['secret', secret],
    ['service', service],
    ['service', misspelt],
  ])
  expect(errors).toEqual([
    expect.stringMatching(/sessionAfinity.* does not exist in type 'IServiceSpec'/),
  ])
})

it('looks at every manifest', () => {
  const files = readdirSync(`${appFolder}/deploy/kubernetes`)
  const names = Object.keys(manifestTypes).map((name) => `${name}.yaml`)
  expect(files.toSorted()).toEqual([...names, 'kustomization.yaml'].toSorted())
})

it('applies everything but the secret that holds none', () => {
  const { resources } = parse(readText('deploy/kubernetes/kustomization.yaml')) as {
    readonly resources: readonly string[]
  }
  const applied = Object.keys(manifestTypes).filter((name) => name !== 'secret')
  expect(resources.toSorted()).toEqual(applied.map((name) => `${name}.yaml`).toSorted())
})

it('reaches the pods by their labels and their port', () => {
  const labels = deployment.spec?.template.metadata?.labels
  expect(labels).toBeDefined()
  expect(deployment.spec?.selector.matchLabels).toEqual(labels)
  expect(service.spec?.selector).toEqual(labels)
  expect(budget.spec?.selector?.matchLabels).toEqual(labels)
  const [port] = container?.ports ?? []
  expect(service.spec?.ports?.[0]?.targetPort).toBe(port?.name)
  expect(container?.args).toContain(`--port=${port?.containerPort}`)
})

it('asks for what the bot serves, and never restarts it for its configuration', () => {
  expect(container?.livenessProbe?.httpGet).toEqual({ path: '/liveness', port: 'http' })
  expect(container?.readinessProbe?.httpGet).toEqual({ path: '/readiness', port: 'http' })
})

it('mounts whole folders where the arguments look, so that changes are seen', () => {
  const mounts = container?.volumeMounts ?? []
  expect(mounts.every(({ subPath }) => subPath === undefined)).toBe(true)
  expect(mounts.map(({ mountPath }) => mountPath)).toEqual(['/etc/bot', '/run/secrets/bot'])
  expect(container?.args).toEqual(
    expect.arrayContaining(['--config=/etc/bot/bot.yaml', '--secrets=/run/secrets/bot']),
  )
  expect(Object.keys(configMap.data ?? {})).toEqual(['bot.yaml'])
  const volumes = new Map(pod?.volumes?.map((volume) => [volume.name, volume]))
  expect(volumes.get('config')?.configMap?.name).toBe(configMap.metadata?.name)
  expect(volumes.get('secrets')?.secret?.secretName).toBe(secret.metadata?.name)
})

it('gives a pod more time to end than it takes', () => {
  const grace = /--grace-seconds=(\d+)/.exec(container?.args?.join(' ') ?? '')?.[1]
  const pause = container?.lifecycle?.preStop?.sleep?.seconds ?? NaN
  expect(Number(grace) + pause).toBeLessThan(pod?.terminationGracePeriodSeconds ?? 0)
})

it('fits the restricted standard for pods', () => {
  expect(pod).toMatchObject({
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
  })
  expect(container).toMatchObject({
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    resources: { requests: { cpu: '50m', memory: '128Mi' }, limits: { memory: '256Mi' } },
  })
  expect(container?.image).toMatch(/:\d+\.\d+\.\d+$/)
})
