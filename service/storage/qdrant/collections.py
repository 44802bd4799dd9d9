"""The collections on the server: how they are made, and for which model."""

from __future__ import annotations

from dataclasses import dataclass

from qdrant_client import AsyncQdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from service.domain.errors import IndexModelMismatch
from service.domain.ports.index import DENSE_VECTORS, SPARSE_VECTORS
from service.domain.ports.work import IndexedKind
from service.storage import points

_MODEL = "embedding_model"
_DIMENSION = "embedding_dimension"
_CONFLICT = 409


@dataclass(frozen=True, slots=True, kw_only=True)
class Collections:
    """
    The collections of one Mneme: one for each kind, each named with *prefix*. The model is kept in each collection's metadata.

    *payload_indexes* False leaves them out, for the client's local mode, which has none.
    """

    client: AsyncQdrantClient
    prefix: str
    payload_indexes: bool

    def name(self, kind: IndexedKind) -> str:
        """Return the name of a kind's collection."""
        return f"{self.prefix}_{kind.value}"

    async def prepare(self, model: str, dimension: int) -> None:
        """Make what is missing. Can run in many processes at once. Raises IndexModelMismatch."""
        for kind in IndexedKind:
            if not await self.client.collection_exists(self.name(kind)):
                await self._create(kind, model, dimension)
            await self._check_model(kind, model, dimension)
            await self._create_payload_indexes(kind)

    async def drop(self) -> None:
        """Remove every collection with its points."""
        for kind in IndexedKind:
            await self.client.delete_collection(self.name(kind))

    async def _create(self, kind: IndexedKind, model: str, dimension: int) -> None:
        vector = models.VectorParams(size=dimension, distance=models.Distance.COSINE)
        words = models.SparseVectorParams(modifier=models.Modifier.IDF)
        try:
            await self.client.create_collection(
                self.name(kind),
                vectors_config=dict.fromkeys(DENSE_VECTORS[kind], vector),
                sparse_vectors_config=dict.fromkeys(SPARSE_VECTORS[kind], words),
                # a graph for each user and none over all of them: every search is within one user
                hnsw_config=models.HnswConfigDiff(m=0, payload_m=16),
                on_disk_payload=True,
                metadata={_MODEL: model, _DIMENSION: dimension},
            )
        except UnexpectedResponse as error:
            if error.status_code != _CONFLICT:
                raise
            # another process made it in the meantime

    async def _check_model(self, kind: IndexedKind, model: str, dimension: int) -> None:
        metadata = (await self.client.get_collection(self.name(kind))).config.metadata or {}
        indexed = f"{metadata.get(_MODEL, 'an unknown model')}/{metadata.get(_DIMENSION, '?')}"
        configured = f"{model}/{dimension}"
        if indexed != configured:
            raise IndexModelMismatch(indexed=indexed, configured=configured)

    async def _create_payload_indexes(self, kind: IndexedKind) -> None:
        if not self.payload_indexes:
            return
        keyword = models.PayloadSchemaType.KEYWORD
        tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
        name = self.name(kind)
        await self.client.create_payload_index(name, points.TENANT, field_schema=tenant, wait=True)
        for field in points.KEYWORD_FIELDS:
            await self.client.create_payload_index(name, field, field_schema=keyword, wait=True)
        for field in points.DATETIME_FIELDS:
            await self.client.create_payload_index(name, field, field_schema=models.PayloadSchemaType.DATETIME, wait=True)
