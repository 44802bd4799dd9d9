"""The use cases of documents."""

from __future__ import annotations

from service.models.splitting import SemanticSplitter
from service.recall.documents import DocumentRecaller
from service.rpc.documents import DocumentCalls
from service.storage.redis import RedisStores
from service.usecases.documents.add_to_collection import AddToCollection
from service.usecases.documents.create_collection import CreateCollection
from service.usecases.documents.delete import DeleteDocument
from service.usecases.documents.delete_collection import DeleteCollection
from service.usecases.documents.get import GetDocument
from service.usecases.documents.get_collection import GetCollection
from service.usecases.documents.list import ListDocuments
from service.usecases.documents.list_collections import ListCollections
from service.usecases.documents.passages import DocumentPassages
from service.usecases.documents.readiness import Readiness
from service.usecases.documents.remove_from_collection import RemoveFromCollection
from service.usecases.documents.search import SearchDocuments
from service.usecases.documents.upload import UploadDocument
from service.usecases.documents.views import DocumentViews


def document_calls(stores: RedisStores, recaller: DocumentRecaller) -> DocumentCalls:
    """Return the use cases over these stores."""
    users, documents = stores.users, stores.documents
    readiness = Readiness(stores.bulk)
    views = DocumentViews(documents, readiness)
    return DocumentCalls(
        upload=UploadDocument(users, documents, SemanticSplitter(), readiness, views),
        list=ListDocuments(users, documents, views),
        get=GetDocument(users, documents, views),
        delete=DeleteDocument(users, documents),
        search=SearchDocuments(users, documents, recaller),
        create_collection=CreateCollection(users, documents),
        list_collections=ListCollections(users, documents),
        get_collection=GetCollection(users, documents),
        delete_collection=DeleteCollection(users, documents),
        add_to_collection=AddToCollection(users, documents),
        remove_from_collection=RemoveFromCollection(users, documents),
    )


def document_passages(stores: RedisStores, recaller: DocumentRecaller) -> DocumentPassages:
    """Return what recalls of facts find passages with."""
    users, documents = stores.users, stores.documents
    return DocumentPassages(users, documents, SearchDocuments(users, documents, recaller))
