import { expect, it } from '@jest/globals';
import { NpmProject } from '../../test/support/npm-project.ts';
import { IMAGES, LABEL } from '../src/images.ts';

it('The package @downstream/testcontainers starts a node where a user has installed it', async () => {
  using project = await NpmProject.install();
  project.write(
    'example.ts',
    `import { MockNodeContainer } from '@downstream/testcontainers';

const container = new MockNodeContainer('${IMAGES['mock-node']}').withLabels(${JSON.stringify(LABEL)});
await using node = await container.withSeed('installed').start();
console.log(await node.control.getInfo());
`,
  );
  expect(await project.run('node', 'example.ts')).toContain("seed: 'installed'");
});
