export default {
  queue(batch): void {
    batch.ackAll()
  },
} satisfies ExportedHandler<Env>
