import type { LanguageModelV3 } from '@ai-sdk/provider';
import { wrapLanguageModel } from 'ai';
import { streamError, type Who } from '../http-error.ts';
import { findLlmError } from '../llm-error.ts';

/** The same model; what its server complains of in the middle of an answer is told without what it was sent as a key. */
export function toldSafely(model: LanguageModelV3, who: Who): LanguageModelV3 {
  return wrapLanguageModel({
    model,
    middleware: {
      specificationVersion: 'v3',
      async wrapStream({ doStream }) {
        const { stream, ...rest } = await doStream();
        const told = stream.pipeThrough(
          new TransformStream<StreamPart, StreamPart>({
            transform(part, controller) {
              if (part.type !== 'error') controller.enqueue(part);
              else
                controller.enqueue({
                  ...part,
                  error: findLlmError(part.error) ?? streamError(who, part.error),
                });
            },
          }),
        );
        return { ...rest, stream: told };
      },
    },
  });
}

type StreamPart =
  Awaited<ReturnType<LanguageModelV3['doStream']>>['stream'] extends ReadableStream<infer Part>
    ? Part
    : never;
