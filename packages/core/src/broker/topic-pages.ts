import type { TopicShareInit } from '../wire/gen/messages.ts';
import { LIMITS } from '../wire/gen/registry.ts';

/** A frame is full at three quarters of what a control header may have: the other fields need room. */
const PAGE_BYTES = (LIMITS.CONTROL_HEADER_BYTES_MAX * 3) / 4;
/** Tags, lengths and the number of queues beside a name, at most. */
const ITEM_BYTES = 8;

/** Cuts a list of topics into what fits one frame each; at least one page. */
export function topicPages(shares: readonly TopicShareInit[], itemsMax: number): readonly TopicShareInit[][] {
  let page: TopicShareInit[] = [];
  let bytes = 0;
  const pages = [page];
  for (const share of shares) {
    const length = (share.topic as string).length + ITEM_BYTES;
    if (bytes + length > PAGE_BYTES || page.length >= itemsMax) {
      page = [];
      bytes = 0;
      pages.push(page);
    }
    page.push(share);
    bytes += length;
  }
  return pages;
}
