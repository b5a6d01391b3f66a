import { ChunkDigest } from '/app/packages/heartbeat/dist/contract-challenge.js';

const { response } = ChunkDigest.prototype;
ChunkDigest.prototype.response = function (challenge) {
  return response.call(this, `${challenge}, misread`);
};
