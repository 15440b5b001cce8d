/** Whether a flag is on for a user. */
export type Check = (flag: string, userId: string) => Promise<boolean>
