/** Does something for each of a list, so many at a time. */
export async function sideBySide<T>(items: readonly T[], workers: number, each: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const work = async (): Promise<void> => {
    for (const item of waiting) await each(item);
  };
  await Promise.all(Array.from({ length: Math.min(workers, items.length) }, work));
}
