import { access, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { makeDirectory } from '../../storage/make-directory.ts';
import { diskDir } from '../support/scene.ts';

describe('a directory', () => {
  it('is made with those above it, also by several at a time, and once it is there', async () => {
    const path = join(await diskDir(), 'a', 'b', 'c');
    await Promise.all([makeDirectory(path), makeDirectory(path), makeDirectory(join(path, 'd'))]);
    await makeDirectory(path);
    await expect(access(join(path, 'd'))).resolves.toBeUndefined();
  });

  it('cannot be made where a file is', async () => {
    const file = join(await diskDir(), 'file');
    await writeFile(file, '');
    await expect(makeDirectory(file)).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(makeDirectory(join(file, 'x'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it.runIf(process.platform === 'linux')('fails where the file system takes none', async () => {
    await expect(makeDirectory('/proc/holdfast/x')).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
