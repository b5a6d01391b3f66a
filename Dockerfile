# Both services. Each runs as an unprivileged user on a read-only root file system that contains Node.js, its libraries
# and the service: no shell, package manager or other interpreter.
#
#   docker build --target farmer -t downstream-farmer --build-arg REVISION=$(git rev-parse HEAD) .
#   docker build --target mock-node -t downstream-mock-node --build-arg REVISION=$(git rev-parse HEAD) .

# Another base image, where this one cannot be pulled.
ARG NODE_IMAGE=pinned
# A literal, because Dependabot updates only those.
FROM node:26.10.0-bookworm-slim@sha256:662933cf47f013bc8e4beb31a6116448427a82057ba7c42c97e4c5ba766504c2 AS pinned

# Only the manifests, so that a change of sources does not invalidate the installed dependencies.
FROM ${NODE_IMAGE} AS manifests
WORKDIR /app
COPY . .
RUN find . -type f ! -name package.json ! -name package-lock.json -delete \
  && find . -type d -empty -delete

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts
COPY . .
# Keeps the compiled JavaScript, the assets and the manifests.
RUN node node_modules/typescript/bin/tsc -b farmer mock-node \
  && rm -rf mock-node/bin packages/testcontainers packages/*/node_modules farmer/node_modules mock-node/node_modules \
  && find packages farmer mock-node -type f ! -path '*/assets/*' ! -name '*.js' ! -name package.json -exec rm {} + \
  && find packages farmer mock-node -type d -empty -delete \
  && sed -i '1s|.*|#!/usr/local/bin/node --max-semi-space-size=4|' farmer/bin/downstream.js

# The root file system of both images, with the volumes and commands of each.
FROM ${NODE_IMAGE} AS root
WORKDIR /root
# Links such as /lib first, because the libraries are found through them. The entries of /var/lib/dpkg/status.d tell
# vulnerability scanners which packages the files belong to.
RUN mkdir -p common/usr/lib common/usr/lib64 common/usr/local/bin common/etc common/var/lib/dpkg/status.d \
  && find / -maxdepth 1 -type l -name 'lib*' -exec cp -a {} common \; \
  && libraries=$(ldd /usr/local/bin/node | grep -o '/[^ ]*') \
  && cp -L --parents $libraries /usr/local/bin/node /etc/os-release /etc/debian_version common \
  && for package in base-files $(for file in $libraries; do dpkg-query --search "*/${file##*/}"; done | cut -d : -f 1); do \
    dpkg-query --status "$package" >"common/var/lib/dpkg/status.d/$package"; \
  done \
  && printf 'root:x:0:0:root:/root:/sbin/nologin\nnode:x:1000:1000:node:/home/node:/sbin/nologin\n' >common/etc/passwd \
  && printf 'root:x:0:\nnode:x:1000:\n' >common/etc/group \
  && printf 'hosts: files dns\n' >common/etc/nsswitch.conf \
  && install -d -m 1777 common/tmp \
  && mkdir -p farmer/usr/local/bin mock-node \
  && ln -s /app/farmer/bin/downstream.js farmer/usr/local/bin/downstream \
  && install -d -o 1000 -g 1000 -m 700 farmer/data mock-node/state

# Run-time dependencies of each service, without source maps, types, tests and documentation; licences stay. The only
# optional one would let Piscina lower the priority of threads, which the services do not use.
FROM ${NODE_IMAGE} AS farmer-dependencies
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm \
  npm ci --omit=dev --omit=optional --ignore-scripts --workspace @downstream/farmer \
  && find . -type f -path '*/node_modules/*' \( -name '*.map' -o -name '*.[cm]ts' -o -name '*.ts' -o -iname '*.md' \) -delete \
  && find . -type d -path '*/node_modules/*' \( -name test -o -name tests -o -name examples -o -name benchmark \) -prune -exec rm -r {} + \
  && rm -rf package-lock.json mock-node integration bench packages/testcontainers

FROM ${NODE_IMAGE} AS mock-node-dependencies
WORKDIR /app
COPY --from=manifests /app ./
RUN --mount=type=cache,target=/root/.npm \
  npm ci --omit=dev --omit=optional --ignore-scripts --workspace @downstream/mock-node \
  && find . -type f -path '*/node_modules/*' \( -name '*.map' -o -name '*.[cm]ts' -o -name '*.ts' -o -iname '*.md' \) -delete \
  && find . -type d -path '*/node_modules/*' \( -name test -o -name tests -o -name examples -o -name benchmark \) -prune -exec rm -r {} + \
  && rm -rf package-lock.json farmer integration bench packages/testcontainers

# The commit of --version, /status, metrics and pages. Only the caller knows it, because .git is not in the context.
FROM ${NODE_IMAGE} AS commit
ARG REVISION=unknown
RUN echo "$REVISION" >/commit

FROM scratch AS runtime
COPY --from=root /root/common /
ENV PATH=/usr/local/bin \
  NODE_ENV=production
WORKDIR /app

FROM runtime AS farmer
COPY --from=farmer-dependencies /app ./
COPY --from=build /app/packages ./packages
COPY --from=build /app/farmer ./farmer
# For `docker exec farmer downstream …`. A new volume inherits the owner of /data.
COPY --from=root /root/farmer /
ENV FARMER_DATA_DIR=/data \
  FARMER_HTTP_HOST=0.0.0.0
USER 1000:1000
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "/app/farmer/dist/healthcheck.js"]
ENTRYPOINT ["node", "--max-semi-space-size=4", "/app/farmer/bin/downstream.js"]
# Last, so that they do not invalidate cached layers.
COPY --from=commit /commit ./packages/platform/dist/commit
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Downstream farmer" \
  org.opencontainers.image.description="Accepts storage contracts from a node, stores their chunks, and proves them before each deadline." \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"

FROM runtime AS mock-node
COPY --from=mock-node-dependencies /app ./
COPY --from=build /app/packages ./packages
COPY --from=build /app/mock-node ./mock-node
# For MOCK_STATE=/state/node.db. A new volume inherits the owner of /state.
COPY --from=root /root/mock-node /
ENV MOCK_HOST=0.0.0.0
USER 1000:1000
VOLUME /state
# 5000: node API. 5001: control API, metrics and page, which faults do not affect.
EXPOSE 5000 5001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "/app/mock-node/dist/healthcheck.js"]
ENTRYPOINT ["node", "/app/mock-node/dist/main.js"]
COPY --from=commit /commit ./packages/platform/dist/commit
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="Downstream mock node" \
  org.opencontainers.image.description="A node that verifies proofs and injects faults, for development and tests." \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}" \
  org.opencontainers.image.created="${CREATED}"
