import type { InfiniteData, UseInfiniteQueryResult } from '@tanstack/react-query';
import { Failure } from './answer.tsx';
import { Button } from './button.tsx';

/** The button under a list that has another page. */
export function More({ of }: { of: UseInfiniteQueryResult<InfiniteData<unknown>> }) {
  if (!of.hasNextPage) return null;
  return (
    <p>
      <Failure error={of.isFetchNextPageError ? of.error : null} />
      <Button busy={of.isFetchingNextPage} onClick={() => void of.fetchNextPage()}>
        {of.isFetchingNextPage ? 'Reading …' : 'Show more'}
      </Button>
    </p>
  );
}
