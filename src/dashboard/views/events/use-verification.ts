import { useMutation } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import type { Progress } from '../../data/types.ts';
import { verifyLog } from './queries.ts';

/** A verification that can be begun and stopped; leaving the page stops it. */
export function useVerification() {
  const running = useRef<AbortController | null>(null);
  const [progress, setProgress] = useState<Progress | null>(null);
  const [isStopped, setStopped] = useState(false);
  const { mutate, data, error, isPending } = useMutation({
    mutationFn: () => {
      running.current = new AbortController();
      return verifyLog(running.current.signal, setProgress);
    },
  });
  useEffect(() => () => running.current?.abort(), []);
  return {
    begin() {
      setStopped(false);
      setProgress(null);
      mutate();
    },
    stop() {
      setStopped(true);
      running.current?.abort();
    },
    isPending,
    progress,
    verdict: data,
    isStopped: isStopped && !isPending,
    error: isStopped ? null : error,
  };
}
