import { buildEnclaveProgram, type EnclaveProgram } from './build-loader.ts';

// Part of the installation for tests: most of the time goes into Go's own library, which is compiled once.
for (const program of ['loader', 'parent', 'example'] satisfies EnclaveProgram[]) buildEnclaveProgram(program);
